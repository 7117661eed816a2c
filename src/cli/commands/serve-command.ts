import type { Command } from 'commander';
import type { Failure, Syncline } from '../../index.ts';
import { DATA_DIR_DEFAULT, RUNTIME_SETTINGS } from '../../runtime/settings/runtime-settings.ts';
import { createEventDescriber } from '../describe-event.ts';
import { EXIT, type ExitCode, exitCodeFor } from '../exit-codes.ts';
import { formatTime } from '../format-values.ts';
import { addServerOptions } from '../global-options.ts';
import type { Output } from '../output.ts';
import { printable } from '../printable.ts';
import { showProgress } from '../progress.ts';
import { formatError } from '../reported-error.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';
import { type ServedHttp, serveHttp } from '../serve-http.ts';

const HELP = `
Runs the worker and the HTTP interface in the foreground: takes the lease on the catalog, checks every dataset, does what
waits, and answers requests. There is one worker per catalog; "search" and "status" work beside it, "add" and "index" do not
(exit code 3): send documents over HTTP, or queue with "add --mode async" before.

It listens on this machine only. To listen elsewhere, callers need a key: SYNCLINE_API_KEYS or SYNCLINE_API_KEYS_FILE.

Ctrl-C or SIGTERM ends it with 0: requests are answered, streams closed, and the work under way is finished. A second Ctrl-C ends at
once with 130. When another worker takes the lease over, it ends with 3. --json writes every event as a line of JSON.

Examples:
  syncline serve
  syncline serve --no-http --data-dir /var/lib/syncline --json >> events.jsonl
  SYNCLINE_API_KEYS_FILE=/run/secrets/keys syncline serve --host 0.0.0.0 --port 8080
`;

export function addServeCommand(program: Command, run: RunCommand): void {
  const command = program
    .command('serve')
    .summary('run the worker and the HTTP interface until told to stop')
    .description('Runs the worker and the HTTP interface in the foreground until it is told to stop.');
  addServerOptions(command)
    .addHelpText('after', HELP)
    .action((_options: object, self: Command) =>
      run(self, (context) => context.withRuntime('readWrite', (runtime) => serve(context, runtime))),
    );
}

async function serve({ output, signal, config }: CommandContext, runtime: Syncline): Promise<ExitCode> {
  const describe = createEventDescriber();
  runtime.on((event) => {
    output.value(event);
    const line = describe(event);
    if (line !== undefined) tell(output, line, event.atMs);
  });
  const { options, http: httpConfig } = await config();
  const { drainTimeoutMs = RUNTIME_SETTINGS.drainTimeoutMs.default } = options;
  // Before the lease is taken: a port that is in use is found out at once, and others see that the process lives.
  const http = await serveHttp(runtime, httpConfig, options.dataDir ?? DATA_DIR_DEFAULT);
  try {
    // It may wait for the lease.
    await Promise.race([runtime.start(), whenAborted(signal)]);
    if (signal.aborted) return endOf(output, await stop(runtime, runtime.ended()));
    const ended = runtime.ended();
    const progress = showProgress(output, runtime, { hideWhenStill: true });
    try {
      await tellStart(output, runtime, http);
      const failure = await Promise.race([ended, whenAborted(signal)]);
      if (!signal.aborted) return endOf(output, failure);
      output.note('Stopping when the work under way is done; Ctrl-C again stops at once.');
      await http?.close(drainTimeoutMs);
      return endOf(output, await stop(runtime, ended));
    } finally {
      progress.stop();
    }
  } finally {
    // What is still under way has nobody any more who does it.
    await http?.close(0);
  }
}

async function tellStart(output: Output, runtime: Syncline, http: ServedHttp | undefined): Promise<void> {
  const { catalog } = await runtime.status();
  const { embedderReason } = runtime;
  const { pid } = process;
  output.value({
    type: 'serving',
    atMs: Date.now(),
    catalog,
    embedder: embedderReason,
    pid,
    http:
      http === undefined ? null : { url: http.url, needsKey: http.needsKey, keyFile: http.keyFile ?? null },
  });
  tell(output, `Serving ${printable(catalog)} as process ${pid}. Ctrl-C stops.`, Date.now());
  tell(output, `Embedder of new datasets: ${embedderReason}.`, Date.now());
  for (const line of http?.lines ?? []) tell(output, line, Date.now());
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
