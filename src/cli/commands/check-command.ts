import type { Command } from 'commander';
import { isSynclineError, SynclineError } from '../../domain/errors.ts';
import type { SyncLevel, Syncline, SyncReport } from '../../index.ts';
import { describeCheck } from '../describe-check.ts';
import { EXIT, type ExitCode, exitCodeFor } from '../exit-codes.ts';
import { formatError, toReportedError } from '../reported-error.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';

interface CheckCommandOptions {
  readonly quick?: boolean;
  readonly rows?: boolean;
  readonly deep?: boolean;
  readonly repair?: boolean;
}

/** A report, or why there is none. */
type CheckOutcome =
  | SyncReport
  | { readonly address: string; readonly error: { readonly code: string; readonly message: string } };

const HELP = `
Only looks, unless --repair is given: it works while another process serves or adds, and takes no lease.
  --quick  the table opens; its columns, version and row count are those of the last mark
  --rows   also every row, by its fingerprint (the default)
  --deep   also every vector, bit by bit
--repair puts right what differs, from stored embeddings: nothing is embedded again that the catalog has.

Exit code: 0 in sync, or repaired; 1 out of sync, or a dataset could not be checked.

Examples:
  syncline check                                all datasets
  syncline check site/docs --deep
  syncline check site/docs --repair
  syncline check --json | jq '.datasets[] | select(.inSync == false)'
`;

export function addCheckCommand(program: Command, run: RunCommand): void {
  program
    .command('check')
    .summary('compare tables with the catalog, and repair them')
    .description('Compares the tables of one dataset or of all with the catalog.')
    .argument('[dataset]', 'project/dataset (default: all)')
    .option('--quick', 'compare version and row count only')
    .option('--rows', 'compare every row (default)')
    .option('--deep', 'compare every row and every vector')
    .option('--repair', 'put right what differs')
    .addHelpText('after', HELP)
    .action((address: string | undefined, options: CheckCommandOptions, command: Command) =>
      run(command, (context) => {
        const level = levelOf(options);
        const access = options.repair ? 'change' : 'readOnly';
        return context.withRuntime(access, (runtime) =>
          checkDatasets(context, runtime, address, { level, repair: options.repair === true }),
        );
      }),
    );
}

function levelOf({ quick, rows, deep }: CheckCommandOptions): SyncLevel {
  const chosen = [quick && 'quick', rows && 'rows', deep && 'deep'].filter((level) => level !== undefined);
  if (chosen.length > 1) {
    throw new SynclineError(
      'INVALID_OPTION',
      `Give one of --quick, --rows and --deep, not ${chosen.length}.`,
    );
  }
  return quick ? 'quick' : deep ? 'deep' : 'rows';
}

async function checkDatasets(
  { output, signal }: CommandContext,
  runtime: Syncline,
  address: string | undefined,
  options: { readonly level: SyncLevel; readonly repair: boolean },
): Promise<ExitCode> {
  const outcomes: CheckOutcome[] = [];
  let exitCode: ExitCode = EXIT.ok;
  for await (const name of address === undefined ? runtime.datasets() : [address]) {
    try {
      const report = await runtime.dataset(name).check({ ...options, signal });
      outcomes.push(report);
      if (!report.inSync && report.repaired === 'none') exitCode = EXIT.failed;
      if (!output.quiet || !report.inSync) for (const line of describeCheck(report)) output.answer(line);
    } catch (error) {
      const isOfAll = isSynclineError(error, 'LEASE_HELD', 'LEASE_LOST') || signal.aborted;
      if (isOfAll || address !== undefined) throw error;
      const { code, message } = toReportedError(error);
      outcomes.push({ address: name, error: { code, message } });
      output.problem(formatError(code, message));
      exitCode = exitCodeFor(code);
    }
  }
  output.value({ datasets: outcomes });
  if (outcomes.length === 0) output.note('There are no datasets. Add documents with "syncline add FOLDER".');
  return exitCode;
}
