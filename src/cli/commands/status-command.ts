import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Syncline } from '../../index.ts';
import { providerLine } from '../describe-providers.ts';
import { datasetLine, describeWorker, type OverviewOptions, overviewLines } from '../describe-status.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { Output } from '../output.ts';
import { parseSeconds } from '../parse-arguments.ts';
import { type Overview, readStatus } from '../read-status.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';
import { createScreen } from '../screen.ts';

interface StatusOptions {
  /** `true` without a number. */
  readonly watch?: number | true;
}

const WATCH_SECONDS_DEFAULT = 2;

const HELP = `
Only looks: it works while another process serves or adds, and takes no lease.
PENDING chunks wait for their vector, FAILED ones were given up ("syncline failures DATASET"), INDEXED ones are found by
a search. The newest run of a dataset is told where it failed, until one succeeds. A provider that is not available is told with its reason ("syncline providers" shows all). --watch redraws on a
terminal; in a pipe it writes a line per change, with --json a document per change.

Examples:
  syncline status
  syncline status site/docs                     its sources, schedules and runs, too
  syncline status site/docs --watch             every ${WATCH_SECONDS_DEFAULT} seconds, until Ctrl-C
  syncline status --watch 10 --json
`;

export function addStatusCommand(program: Command, run: RunCommand): void {
  program
    .command('status')
    .summary('show datasets, the worker and what waits')
    .description('Shows the datasets with what is done and what waits, who works, and what runs.')
    .argument('[dataset]', 'project/dataset (default: all)')
    .option(
      '-w, --watch [seconds]',
      `keep showing, every so many seconds (default: ${WATCH_SECONDS_DEFAULT})`,
      parseSeconds,
    )
    .addHelpText('after', HELP)
    .action((address: string | undefined, { watch }: StatusOptions, command: Command) =>
      run(command, (context) =>
        context.withRuntime('readOnly', (runtime) =>
          watch === undefined
            ? showOnce(context, runtime, address)
            : watchStatus(context, runtime, address, watch === true ? WATCH_SECONDS_DEFAULT : watch),
        ),
      ),
    );
}

async function showOnce(
  { output }: CommandContext,
  runtime: Syncline,
  address: string | undefined,
): Promise<ExitCode> {
  const overview = await readStatus(runtime, address);
  output.value(overview);
  for (const line of overviewLines(overview, overviewOptions(output))) output.answer(line);
  return EXIT.ok;
}

async function watchStatus(
  { output, signal }: CommandContext,
  runtime: Syncline,
  address: string | undefined,
  seconds: number,
): Promise<ExitCode> {
  const show = output.isTerminal && !output.json ? createRedraw(output) : createChangeLines(output);
  while (!signal.aborted) {
    show(await readStatus(runtime, address));
    try {
      await wait(seconds * 1_000, undefined, { signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
  return EXIT.ok;
}

function createRedraw(output: Output): (overview: Overview) => void {
  const screen = createScreen();
  return (overview) => screen.draw(overviewLines(overview, overviewOptions(output)));
}

function overviewOptions({ style, isTerminal }: Output): OverviewOptions {
  return { style, nowMs: Date.now(), columnsMax: isTerminal ? process.stdout.columns : undefined };
}

/** No address of a dataset begins like this. */
const PROVIDER = 'provider ';

/** Writes what is different from last time; at first, everything. */
function createChangeLines(output: Output): (overview: Overview) => void {
  const shown = new Map<string, string>();
  return (overview) => {
    const lines = new Map(overview.datasets.map((dataset) => [dataset.address, datasetLine(dataset)]));
    for (const one of overview.providers) {
      if (one.seenBy !== 'formerWorker') lines.set(`${PROVIDER}${one.id}`, providerLine(one));
    }
    lines.set('worker', `worker: ${describeWorker(overview.worker)}`);
    let hasChanged = false;
    for (const name of shown.keys()) {
      if (lines.has(name)) continue;
      shown.delete(name);
      hasChanged = true;
      if (!name.startsWith(PROVIDER)) output.answer(`${name}: deleted`);
    }
    for (const [name, line] of lines) {
      if (shown.get(name) === line) continue;
      shown.set(name, line);
      hasChanged = true;
      output.answer(line);
    }
    if (hasChanged) output.value(overview);
  };
}
