import type { Failure, Syncline } from '../index.ts';
import { RUNTIME_SETTINGS } from '../runtime/settings/runtime-settings.ts';
import { createEventDescriber } from './describe-event.ts';
import { EXIT, type ExitCode, exitCodeFor } from './exit-codes.ts';
import { formatTime } from './format-values.ts';
import type { Output } from './output.ts';
import { printable } from './printable.ts';
import { showProgress } from './progress.ts';
import { formatError } from './reported-error.ts';
import type { CommandContext } from './run-command.ts';
import type { ServedHttp } from './serve-http.ts';

/**
 * Runs the worker until the user wants it to end or it ends by itself, and tells what happens.
 *
 * @param openHttp - Opens the HTTP interface beside it.
 */
export async function workInForeground(
  { output, signal, config }: CommandContext,
  runtime: Syncline,
  openHttp: () => Promise<ServedHttp | undefined> = async () => undefined,
): Promise<ExitCode> {
  const describe = createEventDescriber();
  runtime.on((event) => {
    output.value(event);
    const line = describe(event);
    if (line !== undefined) tell(output, line, event.atMs);
  });
  const { options } = await config();
  const { drainTimeoutMs = RUNTIME_SETTINGS.drainTimeoutMs.default } = options;
  // Before the lease is taken: a port that is in use is found out at once, and others see that the process lives.
  const http = await openHttp();
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
