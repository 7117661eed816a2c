import type { Command } from 'commander';
import { isSynclineError } from '../../domain/errors.ts';
import type { Syncline, TableSizes } from '../../index.ts';
import { EXIT, type ExitCode, exitCodeFor } from '../exit-codes.ts';
import { countOf, formatBytes, formatDuration } from '../format-values.ts';
import { formatError, toReportedError } from '../reported-error.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';

/** What became of one dataset; `error` stands alone when it failed. */
interface MaintainOutcome {
  readonly dataset: string;
  readonly durationMs?: number;
  readonly table?: TableSizes | undefined;
  readonly error?: { readonly code: string; readonly message: string };
}

const HELP = `
A worker does this by itself when a table needs it. Indexes that cannot be read are made anew. It waits some seconds until
old versions may be removed. A dataset that fails does not stop the others; the exit code is then 1, and nothing is lost.

Examples:
  syncline maintain                             all datasets
  syncline maintain site/docs --json
`;

export function addMaintainCommand(program: Command, run: RunCommand): void {
  program
    .command('maintain')
    .summary('compact tables, refresh indexes, free disk space')
    .description(
      'Compacts tables, refreshes their indexes and removes old versions, of one dataset or of all.',
    )
    .argument('[dataset]', 'project/dataset (default: all)')
    .addHelpText('after', HELP)
    .action((address: string | undefined, _: unknown, command: Command) =>
      run(command, (context) =>
        context.withRuntime('change', (runtime) => maintainDatasets(context, runtime, address)),
      ),
    );
}

async function maintainDatasets(
  context: CommandContext,
  runtime: Syncline,
  address: string | undefined,
): Promise<ExitCode> {
  const { output } = context;
  const outcomes: MaintainOutcome[] = [];
  let exitCode: ExitCode = EXIT.ok;
  for await (const name of address === undefined ? runtime.datasets() : [address]) {
    const outcome = await maintainOne(context, runtime, name, address === undefined);
    outcomes.push(outcome);
    if (outcome.error === undefined) output.answer(describe(outcome));
    else {
      exitCode = exitCodeFor(outcome.error.code);
      output.problem(formatError(outcome.error.code, outcome.error.message));
    }
  }
  output.value({ datasets: outcomes });
  if (outcomes.length === 0) output.note('There are no datasets. Add documents with "syncline add FOLDER".');
  return exitCode;
}

async function maintainOne(
  { signal }: CommandContext,
  runtime: Syncline,
  name: string,
  isOneOfMany: boolean,
): Promise<MaintainOutcome> {
  try {
    return { dataset: name, ...(await runtime.dataset(name).maintain({ signal })) };
  } catch (error) {
    const isOfAll = isSynclineError(error, 'LEASE_HELD', 'LEASE_LOST') || signal.aborted;
    if (isOfAll || !isOneOfMany) throw error;
    const { code, message } = toReportedError(error);
    return { dataset: name, error: { code, message } };
  }
}

function describe({ dataset, durationMs = 0, table }: MaintainOutcome): string {
  if (table === undefined) return `${dataset}: no table yet.`;
  const { rowCount, fragmentCount, totalBytes, reclaimableBytes } = table;
  const index = table.hasVectorIndex ? ', with a vector index' : '';
  return `${dataset}: ${countOf(rowCount, 'row')} in ${countOf(fragmentCount, 'fragment')}, ${formatBytes(totalBytes)}${index}; ${formatBytes(reclaimableBytes)} of old versions left, ${formatDuration(durationMs)}.`;
}
