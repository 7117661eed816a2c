import { type Command, Option } from 'commander';
import type { ScheduleSetting, ScheduleStatus } from '../../index.ts';
import { describeSchedule } from '../describe-dataset.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { refuseDeclared } from '../refuse-declared.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';

type Run = ScheduleStatus['run'];

const HELP = `
A worker ("syncline serve") runs by itself what is due: "full" reads every source and removes what is gone, "index" removes nothing.
A dataset with a source has a full run on Sundays at 3:00 UTC unless it is told otherwise. What was missed is made up for once.

Examples:
  syncline schedule list shop/orders
  syncline schedule set shop/orders '*/15 * * * *' --run index
  syncline schedule set shop/orders '0 3 * * 6' --time-zone Europe/Berlin
  syncline schedule set shop/orders default
  syncline schedule off shop/orders
`;

const runOption = () => new Option('--run <run>', 'which run').choices(['full', 'index']).default('full');

export function addScheduleCommand(program: Command, run: RunCommand): void {
  const parent = program
    .command('schedule')
    .summary('say when a dataset is indexed by itself')
    .description('Sets and lists when a worker indexes a dataset by itself.')
    .addHelpText('after', HELP);
  parent
    .command('set')
    .summary('set when a run is due')
    .description('Sets when a run is due; "default" goes back to what counts without a setting.')
    .argument('<dataset>', 'project/dataset')
    .argument('<cron>', 'minute hour day month weekday, or "default"')
    .addOption(runOption())
    .option('--time-zone <name>', 'such as Europe/Berlin (default: UTC)')
    .addHelpText('after', HELP)
    .action((dataset: string, cron: string, options: { run: Run; timeZone?: string }, command: Command) =>
      run(command, (context) => {
        const { timeZone } = options;
        const own = { cron, ...(timeZone !== undefined && { timeZone }) };
        return setSchedule(context, dataset, options.run, cron === 'default' ? 'default' : own);
      }),
    );
  parent
    .command('list')
    .summary('list schedules')
    .description('Lists the schedules of a dataset, with the next run and how the last one ended.')
    .argument('<dataset>', 'project/dataset')
    .addHelpText('after', HELP)
    .action((dataset: string, _: object, command: Command) =>
      run(command, (context) =>
        context.withRuntime('readOnly', async (runtime) =>
          tell(context, dataset, await runtime.dataset(dataset).schedules()),
        ),
      ),
    );
  parent
    .command('off')
    .summary('turn a schedule off')
    .description('Has a run never be due by itself.')
    .argument('<dataset>', 'project/dataset')
    .addOption(runOption())
    .addHelpText('after', HELP)
    .action((dataset: string, options: { run: Run }, command: Command) =>
      run(command, (context) => setSchedule(context, dataset, options.run, 'off')),
    );
}

async function setSchedule(
  context: CommandContext,
  address: string,
  run: Run,
  setting: ScheduleSetting,
): Promise<ExitCode> {
  await refuseDeclared(
    context,
    address,
    `The schedule "${run}"`,
    ({ schedules }) => schedules?.[run] !== undefined,
  );
  return context.withRuntime('change', async (runtime) => {
    const dataset = runtime.dataset(address);
    await dataset.setSchedule(run, setting);
    return tell(context, address, await dataset.schedules());
  });
}

function tell({ output }: CommandContext, address: string, schedules: readonly ScheduleStatus[]): ExitCode {
  output.value({ dataset: address, schedules });
  for (const schedule of schedules) output.answer(describeSchedule(schedule));
  return EXIT.ok;
}
