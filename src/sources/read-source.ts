import type { Clock } from '../domain/clock.ts';
import { isSynclineError, SynclineError, throwIfAborted } from '../domain/errors.ts';
import type { Source, SourceId, SourceRecord } from './source.ts';
import { checkTable, shownText, shownValue } from './source-id.ts';

/** Options of {@link readAll} and {@link readByIds}. */
export interface ReadSourceOptions {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Longest time in which a source may give nothing, in milliseconds. Default 10 minutes. */
  readonly idleMsMax?: number;
}

const IDLE_MS_MAX = 600_000;

/**
 * Reads a whole source without trusting it: an abort ends the reading also while the source hangs, a source that gives
 * nothing for too long is given up, and what is no record is refused.
 *
 * @throws SynclineError `ABORTED`, `SOURCE_STALLED`, `SOURCE_FAILED` for anything that is thrown and is no SynclineError.
 */
export function readAll(
  source: Source,
  options: ReadSourceOptions & { readonly since?: number },
): AsyncGenerator<SourceRecord> {
  const { since } = options;
  return read(source, options, (signal) =>
    source.extractAll({ signal, ...(since === undefined ? {} : { since }) }),
  );
}

/**
 * Reads the records with these ids as {@link readAll} does. An id that stands twice is read once; what cannot be an id
 * is refused.
 *
 * @throws SynclineError `INVALID_SOURCE` for an unknown table, and as {@link readAll} does.
 */
export async function* readByIds(
  source: Source,
  table: string,
  ids: readonly SourceId[],
  options: ReadSourceOptions,
): AsyncGenerator<SourceRecord> {
  checkTable(source, table);
  const { sound, refused } = sortIds(source, table, ids);
  yield* refused;
  if (sound.length > 0) {
    yield* read(source, options, (signal) => source.extractByIds(table, sound, { signal }));
  }
}

function sortIds(
  source: Source,
  table: string,
  ids: readonly SourceId[],
): { readonly sound: SourceId[]; readonly refused: SourceRecord[] } {
  const sound = new Map<string, SourceId>();
  const refused: SourceRecord[] = [];
  for (const id of ids) {
    try {
      sound.set(source.documentKey(table, id), id);
    } catch (error) {
      if (!isSynclineError(error, 'INVALID_SOURCE_ID')) throw error;
      // In messages it stands in quotes.
      const key = `${table}/${typeof id === 'string' ? shownText(id) : shownValue(id)}`;
      refused.push({ refused: { key, code: error.code, message: error.message } });
    }
  }
  return { sound: [...sound.values()], refused };
}

async function* read(
  source: Source,
  options: ReadSourceOptions,
  open: (signal: AbortSignal) => AsyncIterable<SourceRecord>,
): AsyncGenerator<SourceRecord> {
  const { signal, clock, idleMsMax = IDLE_MS_MAX } = options;
  throwIfAborted(signal);
  const ending = new AbortController();
  let interrupt = (): void => undefined;
  const end = (reason: unknown): void => {
    ending.abort(reason);
    interrupt();
  };
  const onAbort = (): void => end(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const watch = watchProgress(clock, idleMsMax, () => end(stalled(source.name, idleMsMax)));
  const orInterrupted = <Value>(promise: PromiseLike<Value>): Promise<Value> =>
    new Promise((resolve, reject) => {
      interrupt = () => reject(ending.signal.reason);
      promise.then(resolve, reject);
      if (ending.signal.aborted) interrupt();
    });
  let iterator: AsyncIterator<SourceRecord> | undefined;
  try {
    iterator = open(ending.signal)[Symbol.asyncIterator]();
    for (;;) {
      watch.startWaiting();
      const step = await orInterrupted(iterator.next());
      watch.endWaiting();
      throwIfAborted(ending.signal);
      if (step.done === true) {
        iterator = undefined;
        return;
      }
      yield checked(source.name, step.value);
    }
  } catch (error) {
    throwIfAborted(ending.signal);
    throw failed(source.name, error);
  } finally {
    watch.stop();
    signal.removeEventListener('abort', onAbort);
    // One that hangs will not be closed either: nobody waits for it.
    const closed = closeQuietly(iterator);
    if (!ending.signal.aborted) await closed;
  }
}

async function closeQuietly(iterator: AsyncIterator<SourceRecord> | undefined): Promise<void> {
  // Whatever ended the reading is what is told.
  await (async () => iterator?.return?.())().catch(() => undefined);
}

/** Calls back when the time between `startWaiting` and `endWaiting` has become too long. One timer for any number of records. */
function watchProgress(
  clock: Clock,
  idleMsMax: number,
  onStalled: () => void,
): { startWaiting(): void; endWaiting(): void; stop(): void } {
  let waitingSinceMs: number | undefined;
  let cancel = (): void => undefined;
  const arm = (delayMs: number): void => {
    cancel = clock.setTimer(delayMs, () => {
      const waitedMs = waitingSinceMs === undefined ? 0 : clock.monotonicMs() - waitingSinceMs;
      if (waitedMs >= idleMsMax) onStalled();
      else arm(Math.max(1, idleMsMax - waitedMs));
    });
  };
  arm(idleMsMax);
  return {
    startWaiting() {
      waitingSinceMs = clock.monotonicMs();
    },
    endWaiting() {
      waitingSinceMs = undefined;
    },
    stop: () => cancel(),
  };
}

/** The record, or a refusal in its place. */
function checked(sourceName: string, record: unknown): SourceRecord {
  if (isObject(record)) {
    const { document, refused } = record;
    if (isObject(document) && typeof document.key === 'string') return record as unknown as SourceRecord;
    if (isObject(refused) && typeof refused.code === 'string' && typeof refused.message === 'string')
      return record as unknown as SourceRecord;
  }
  const message = `The source "${sourceName}" gave something that is no record: ${shownValue(record)}. A record is { document: { key, content, … } } or { refused: { key, code, message } }.`;
  return { refused: { key: undefined, code: 'SOURCE_FAILED', message } };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function stalled(sourceName: string, idleMsMax: number): SynclineError {
  return new SynclineError(
    'SOURCE_STALLED',
    `The source "${sourceName}" gave nothing for ${Math.round(idleMsMax / 1_000)} s and was given up. What it gave before was kept; run again when it answers.`,
    { retryable: true, details: { source: sourceName } },
  );
}

function failed(sourceName: string, error: unknown): SynclineError {
  if (error instanceof SynclineError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new SynclineError(
    'SOURCE_FAILED',
    `The source "${sourceName}" failed: ${reason.slice(0, 500)}. What it gave before was kept.`,
    { cause: error, details: { source: sourceName } },
  );
}
