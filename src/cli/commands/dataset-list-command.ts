import type { Command } from 'commander';
import { parseProjectName } from '../../domain/address.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';

interface ListOptions {
  readonly project?: string;
}

const HELP = `
One address a line, in the order of creation. "syncline status" shows what is in them.

Examples:
  syncline dataset list
  syncline dataset list --project shop --json
`;

export function addDatasetListCommand(parent: Command, run: RunCommand): void {
  parent
    .command('list')
    .summary('list datasets')
    .description('Lists the datasets, of one project or of all.')
    .option('-p, --project <name>', 'only of this project')
    .addHelpText('after', HELP)
    .action((options: ListOptions, command: Command) => run(command, (context) => list(context, options)));
}

function list({ output, withRuntime, signal }: CommandContext, { project }: ListOptions): Promise<ExitCode> {
  if (project !== undefined) parseProjectName(project);
  return withRuntime('readOnly', async (runtime) => {
    const datasets: string[] = [];
    for await (const address of runtime.datasets(project === undefined ? {} : { project })) {
      if (signal.aborted) break;
      if (output.json) datasets.push(address);
      output.answer(address);
    }
    output.value({ datasets });
    return EXIT.ok;
  });
}
