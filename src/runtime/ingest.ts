import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../domain/clock.ts';
import {
  type DocumentInput,
  type DocumentRules,
  documentMapKey,
  type PreparedDocument,
  prepareDocument,
} from '../domain/document.ts';
import { SynclineError, throwIfAborted, toSynclineError } from '../domain/errors.ts';

/** Documents to take in: a list, or a stream of any length that is never collected. */
export type DocumentSource = Iterable<DocumentInput> | AsyncIterable<DocumentInput>;

/** A document that was not taken in. */
export interface RefusedDocument {
  readonly key: string;
  readonly code: string;
  readonly message: string;
}

/** Most refused documents that a result names; all are counted, and each is an event. */
export const REFUSED_LISTED_MAX = 100;

/** Checks documents one by one and gathers those that are sound into bounded batches. */
export interface BatchReader {
  /** Batches of sound documents, no key twice in one. */
  batches(): AsyncIterable<PreparedDocument[]>;
  /** Documents seen so far, sound or not. */
  readCount(): number;
}

export interface BatchReaderOptions {
  readonly rules: DocumentRules;
  readonly clock: Clock;
  readonly documentsMax: number;
  /** Of all documents of a batch, in UTF-16 units; one document may be longer. */
  readonly textLengthMax: number;
  readonly signal: AbortSignal;
  readonly onRefused: (refused: RefusedDocument) => void;
}

/** Longest time the reader computes without a break, in milliseconds: hashing is fast, but lists can be long. */
const SLICE_MS = 5;
/** A batch is closed after this time, full or not, so that what a slow source gives is not held back. */
const BATCH_AGE_MAX_MS = 1_000;

/**
 * Reads a source in batches. A key that stands twice in a list is refused the second time (`DUPLICATE_KEY`); in a stream
 * that is known within a batch only, and a later document replaces an earlier one as it would in a later call.
 */
export function createBatchReader(source: DocumentSource, options: BatchReaderOptions): BatchReader {
  const { clock } = options;
  let readCount = 0;
  const isList = Array.isArray(source);
  let seen = new Set<string>();

  function check(input: DocumentInput): PreparedDocument | undefined {
    readCount += 1;
    try {
      const document = prepareDocument(input, options.rules);
      const mapKey = documentMapKey(document);
      if (seen.has(mapKey)) throw duplicateKey(document.key);
      seen.add(mapKey);
      return document;
    } catch (error) {
      const { code, message } = toSynclineError(error);
      options.onRefused({ key: String((input as DocumentInput | null)?.key ?? ''), code, message });
      return undefined;
    }
  }

  async function* batches(): AsyncGenerator<PreparedDocument[]> {
    let batch: PreparedDocument[] = [];
    let textLength = 0;
    let sliceStartMs = performance.now();
    let batchStartMs = clock.monotonicMs();
    try {
      for await (const input of interruptible(source, options.signal)) {
        throwIfAborted(options.signal);
        const document = check(input);
        if (performance.now() - sliceStartMs > SLICE_MS) {
          await nextTurn();
          sliceStartMs = performance.now();
        }
        if (document === undefined) continue;
        batch.push(document);
        textLength += document.content.length;
        const isFull = batch.length >= options.documentsMax || textLength >= options.textLengthMax;
        if (!isFull && clock.monotonicMs() - batchStartMs < BATCH_AGE_MAX_MS) continue;
        yield batch;
        batch = [];
        textLength = 0;
        if (!isList) seen = new Set();
        sliceStartMs = performance.now();
        batchStartMs = clock.monotonicMs();
      }
    } catch (error) {
      // The source broke: what it gave before is taken in, and its error told then.
      if (batch.length > 0 && !options.signal.aborted) yield batch;
      throw error;
    }
    if (batch.length > 0) yield batch;
  }

  return { batches, readCount: () => readCount };
}

/** The items of a source. An abort ends the reading at once, also while a stream hangs and never gives its next item. */
function interruptible<Item>(
  source: Iterable<Item> | AsyncIterable<Item>,
  signal: AbortSignal,
): Iterable<Item> | AsyncIterable<Item> {
  return Symbol.asyncIterator in source ? readInterruptibly(source, signal) : source;
}

async function* readInterruptibly<Item>(
  source: AsyncIterable<Item>,
  signal: AbortSignal,
): AsyncGenerator<Item> {
  const iterator = source[Symbol.asyncIterator]();
  // One listener for all items: a race with one promise of the abort would keep a reaction for each of them.
  let interrupt = (): void => undefined;
  const onAbort = (): void => interrupt();
  const uninterrupted = <Value>(promise: PromiseLike<Value>): Promise<Value> =>
    new Promise((resolve, reject) => {
      interrupt = () => reject(signal.reason);
      promise.then(resolve, reject);
    });
  signal.addEventListener('abort', onAbort, { once: true });
  let isOpen = true;
  try {
    while (isOpen) {
      throwIfAborted(signal);
      const step = await uninterrupted(iterator.next()).catch((error: unknown) => {
        throwIfAborted(signal);
        isOpen = false;
        throw error;
      });
      if (step.done) isOpen = false;
      else yield step.value;
    }
  } finally {
    // Whatever ended the reading is the error to tell; a stream that cannot be closed either changes nothing about it.
    const close = async (): Promise<unknown> => iterator.return?.();
    const closed = isOpen ? close().catch(() => undefined) : Promise.resolve();
    if (!signal.aborted) await uninterrupted(closed).catch(() => undefined);
    signal.removeEventListener('abort', onAbort);
  }
}

function duplicateKey(key: string): SynclineError {
  return new SynclineError(
    'DUPLICATE_KEY',
    `The key "${key}" stands twice in one call; the first document is kept.`,
    {
      details: { key },
    },
  );
}
