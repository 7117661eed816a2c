import type { Command } from 'commander';
import type { Dataset, SwitchResult } from '../../index.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { countOf, formatDuration } from '../format-values.ts';
import { type Progress, showProgress } from '../progress.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';

const REBUILD_HELP = `
The new table is filled from the vectors in the catalog: no provider is asked. Searches go on in the present table until the
new one is complete and checked; the present one is kept, see "syncline rollback".

Examples:
  syncline rebuild site/docs
`;

const ROLLBACK_HELP = `
The earlier table first catches up with what changed since, then it serves. After a change of model, changed texts are embedded
by the former model, so its key is needed. "syncline status DATASET --json" lists the tables that are kept (earlierTables).

Examples:
  syncline rollback site/docs
  syncline rollback site/docs --table site__docs__g3-5f2c9a
`;

export function addRebuildCommand(program: Command, run: RunCommand): void {
  program
    .command('rebuild')
    .summary("build a dataset's table anew")
    .description('Builds a new table for a dataset from the catalog, and switches to it.')
    .argument('<dataset>', 'project/dataset')
    .addHelpText('after', REBUILD_HELP)
    .action((address: string, _: unknown, command: Command) =>
      run(command, (context) =>
        switchTable(context, address, (dataset) => dataset.rebuild({ signal: context.signal }), {
          isWhole: true,
        }),
      ),
    );
}

export function addRollbackCommand(program: Command, run: RunCommand): void {
  program
    .command('rollback')
    .summary('go back to an earlier table of a dataset')
    .description('Lets an earlier table of a dataset serve again.')
    .argument('<dataset>', 'project/dataset')
    .option('--table <name>', 'which one (default: the newest)')
    .addHelpText('after', ROLLBACK_HELP)
    .action((address: string, { table }: { readonly table?: string }, command: Command) =>
      run(command, (context) =>
        switchTable(context, address, (dataset) =>
          dataset.rollback({ signal: context.signal, ...(table !== undefined && { table }) }),
        ),
      ),
    );
}

function switchTable(
  context: CommandContext,
  address: string,
  task: (dataset: Dataset) => Promise<SwitchResult>,
  { isWhole = false }: { readonly isWhole?: boolean } = {},
): Promise<ExitCode> {
  const { output } = context;
  return context.withRuntime('change', async (runtime) => {
    const progress = showProgress(output, runtime);
    try {
      const dataset = runtime.dataset(address);
      if (isWhole) await expectAll(progress, dataset);
      const result = await task(dataset);
      output.value({ dataset: dataset.address, ...result });
      if (!output.quiet) output.answer(describeSwitch(dataset.address, result));
      return EXIT.ok;
    } finally {
      progress.stop();
    }
  });
}

/** Every document is written anew: how many those are is known, and with that how long it takes. */
export async function expectAll(progress: Progress, dataset: Dataset): Promise<void> {
  const { documents } = (await dataset.status()).counts;
  progress.expect(documents);
  progress.aim();
}

/** Which table serves now. */
export function describeSwitch(address: string, { table, rowCount, durationMs }: SwitchResult): string {
  return `${address}: the table ${table} serves, ${countOf(rowCount, 'row')}, ${formatDuration(durationMs)}.`;
}
