import type { Command } from 'commander';
import type { Failure, Syncline } from '../../index.ts';
import { createEventDescriber } from '../describe-event.ts';
import { EXIT, type ExitCode, exitCodeFor } from '../exit-codes.ts';
import { formatTime } from '../format-values.ts';
import type { Output } from '../output.ts';
import { printable } from '../printable.ts';
import { showProgress } from '../progress.ts';
import { formatError } from '../reported-error.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';

const HELP = `
Runs the worker in the foreground: takes the lease on the catalog, checks every dataset, and does what waits.
There is one worker per catalog; "search" and "status" work beside it, "add" and "index" do not (exit code 3): queue with
"add --mode async" before, or embed the library where documents come while it works.

Ctrl-C or SIGTERM finishes what is under way and ends with 0; a second Ctrl-C ends at once with 130. When another worker
takes the lease over, it ends with 3. --json writes every event as a line of JSON.

Examples:
  syncline serve
  syncline serve --data-dir /var/lib/syncline --json >> events.jsonl
  OPENAI_API_KEY=… syncline serve --embedder openai
`;

export function addServeCommand(program: Command, run: RunCommand): void {
  program
    .command('serve')
    .summary('run the worker until told to stop')
    .description('Runs the worker in the foreground until it is told to stop.')
    .addHelpText('after', HELP)
    .action((_options: object, command: Command) =>
      run(command, (context) => context.withRuntime('readWrite', (runtime) => serve(context, runtime))),
    );
}

async function serve({ output, signal }: CommandContext, runtime: Syncline): Promise<ExitCode> {
  const describe = createEventDescriber();
  runtime.on((event) => {
    output.value(event);
    const line = describe(event);
    if (line !== undefined) tell(output, line, event.atMs);
  });
  await runtime.start();
  const ended = runtime.ended();
  const progress = showProgress(output, runtime, { hideWhenStill: true });
  try {
    const { catalog } = await runtime.status();
    const { embedderReason } = runtime;
    output.value({ type: 'serving', atMs: Date.now(), catalog, embedder: embedderReason, pid: process.pid });
    tell(output, `Serving ${printable(catalog)} as process ${process.pid}. Ctrl-C stops.`, Date.now());
    tell(output, `Embedder of new datasets: ${embedderReason}.`, Date.now());
    const failure = await Promise.race([ended, whenAborted(signal)]);
    if (signal.aborted) {
      output.note('Stopping when the work under way is done; Ctrl-C again stops at once.');
      return endOf(output, await stop(runtime, ended));
    }
    return endOf(output, failure);
  } finally {
    progress.stop();
  }
}

async function stop(runtime: Syncline, ended: Promise<Failure | undefined>): Promise<Failure | undefined> {
  await runtime.stop();
  return ended;
}

function endOf(output: Output, failure: Failure | undefined): ExitCode {
  if (failure === undefined) {
    tell(output, 'Stopped.', Date.now());
    return EXIT.ok;
  }
  const { code, message } = failure;
  output.value({ error: { code, message, details: {} } });
  output.problem(formatError(code, message));
  return exitCodeFor(code);
}

function tell(output: Output, line: string, atMs: number): void {
  output.answer(`${output.style.dim(formatTime(atMs))} ${line}`);
}

function whenAborted(signal: AbortSignal): Promise<undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  if (signal.aborted) resolve(undefined);
  signal.addEventListener('abort', () => resolve(undefined), { once: true });
  return promise;
}
