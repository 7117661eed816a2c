import { URL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { SynclineError, throwIfAborted } from '../../domain/errors.ts';
import type { PdfAnswer, PdfFault, PdfRequest, PdfText } from './pdf-messages.ts';

/** Reads PDFs, one at a time. */
export interface PdfReader {
  /**
   * @param shown The file in errors.
   * @throws SynclineError `SOURCE_UNREADABLE`, `DOCUMENT_TOO_LARGE`, `PACKAGE_MISSING`, `ABORTED`.
   */
  read(bytes: Uint8Array, shown: string): Promise<PdfText>;
  /** Ends the thread, if one was started. */
  close(): Promise<void>;
}

/** Options of {@link createPdfReader}. */
export interface PdfReaderOptions {
  readonly signal?: AbortSignal | undefined;
  /** Longest time for one file. Default 60,000. */
  readonly timeoutMs?: number;
  /** Longest text of one file, in UTF-16 units. Default 16 Mi. */
  readonly lengthMax?: number;
  /** Default 10,000. */
  readonly pagesMax?: number;
}

const TIMEOUT_MS = 60_000;
const LENGTH_MAX = 16 * 1_024 * 1_024;
const PAGES_MAX = 10_000;
/** Memory of the thread's own, where the engine keeps to it (Deno does, Bun does not). */
const HEAP_MIB_MAX = 1_024;

/** A reader that starts its thread with the first file, and another when a file has taken too long or broken it. */
export function createPdfReader(options: PdfReaderOptions = {}): PdfReader {
  const { signal, timeoutMs = TIMEOUT_MS, lengthMax = LENGTH_MAX, pagesMax = PAGES_MAX } = options;
  let worker: Worker | undefined;

  async function end(): Promise<void> {
    const ended = worker;
    worker = undefined;
    await ended?.terminate();
  }

  return {
    async read(bytes, shown) {
      throwIfAborted(signal);
      worker ??= startWorker();
      // A copy of its own, which can be given away: what is read of a file may be a part of a larger buffer.
      const request: PdfRequest = { bytes: new Uint8Array(bytes), lengthMax, pagesMax };
      const answer = await ask(worker, request, timeoutMs, signal);
      if (answer === 'gone' || answer === 'late') {
        await end();
        throwIfAborted(signal);
        throw faultError(shown, 'broken', answer === 'late' ? tooLong(timeoutMs) : 'it broke its reader');
      }
      if (!answer.ok) throw faultError(shown, answer.fault, answer.reason);
      if (answer.text.content === '') throw noText(shown);
      return answer.text;
    },
    close: end,
  };
}

function startWorker(): Worker {
  // The published package holds .js files, the repository .ts files.
  const file = import.meta.url.endsWith('.ts') ? './pdf-worker.ts' : './pdf-worker.js';
  return new Worker(new URL(file, import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MIB_MAX },
  });
}

/** The worker's answer; `"late"` or `"gone"` when it is of no use any more. */
function ask(
  worker: Worker,
  request: PdfRequest,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<PdfAnswer | 'late' | 'gone'> {
  return new Promise((resolve) => {
    const finish = (result: PdfAnswer | 'late' | 'gone'): void => {
      clearTimeout(timer);
      worker.removeAllListeners();
      // Whatever else it has to say does not matter, but an error that nobody listens to would end the process.
      worker.on('error', () => undefined);
      signal?.removeEventListener('abort', onAbort);
      resolve(result);
    };
    const onAbort = (): void => finish('gone');
    const timer = setTimeout(() => finish('late'), timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    worker.once('message', (answer: PdfAnswer) => finish(answer));
    worker.once('error', () => finish('gone'));
    worker.once('exit', () => finish('gone'));
    worker.postMessage(request, [request.bytes.buffer as ArrayBuffer]);
  });
}

function tooLong(timeoutMs: number): string {
  return `reading it took longer than ${Math.round(timeoutMs / 1_000)} s`;
}

function faultError(shown: string, fault: PdfFault, reason: string): SynclineError {
  const details = { path: shown };
  switch (fault) {
    case 'packageMissing':
      return new SynclineError(
        'PACKAGE_MISSING',
        `"${shown}": PDFs are read with the package "unpdf", which is not installed. Install it (bun add unpdf), or leave PDFs out.`,
        { details: { ...details, package: 'unpdf' } },
      );
    case 'tooLarge':
      return new SynclineError('DOCUMENT_TOO_LARGE', `"${shown}": ${reason}. Split it.`, { details });
    case 'encrypted':
      return new SynclineError(
        'SOURCE_UNREADABLE',
        `"${shown}": the PDF is protected by a password. Save it without one, or leave it out.`,
        { details },
      );
    case 'broken':
      return new SynclineError(
        'SOURCE_UNREADABLE',
        `"${shown}": the PDF cannot be read (${reason.slice(0, 200)}). Save it again, or leave it out.`,
        { details },
      );
  }
}

function noText(shown: string): SynclineError {
  return new SynclineError(
    'SOURCE_UNREADABLE',
    `"${shown}": the PDF holds no text; it is probably scanned. Recognise its text first (OCR), or leave it out.`,
    { details: { path: shown } },
  );
}
