import { URL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { SynclineError, throwIfAborted } from '../../domain/errors.ts';
import type { FileAnswer, FileFailure, FileWorkerData } from './file-messages.ts';
import { type SqliteConnection, SqliteRefusal, type SqliteResult } from './sqlite-database.ts';

/** A file to read. */
export interface FileConnectionOptions {
  readonly sourceName: string;
  /** Absolute path. */
  readonly path: string;
  readonly lockWaitMs: number;
  readonly statementMsMax: number;
  readonly signal: AbortSignal;
}

/** How long an idle thread is waited for while it closes the file. */
const CLOSE_WAIT_MS = 2_000;

/**
 * A file of SQLite, read in a thread of its own. After an abort, and after a statement that takes too long, nothing waits for it
 * any more.
 */
export function connectFile(options: FileConnectionOptions): SqliteConnection {
  const { sourceName, path, signal } = options;
  const workerData: FileWorkerData = { path, lockWaitMs: options.lockWaitMs };
  // The published package holds .js files, the repository .ts files.
  const file = import.meta.url.endsWith('.ts') ? './file-worker.ts' : './file-worker.js';
  const worker = new Worker(new URL(file, import.meta.url), { workerData });
  let settle: { resolve(result: SqliteResult): void; reject(error: unknown): void } | undefined;
  let ended: Error | undefined;
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));

  /** Ends the thread; what was asked fails with `error`. */
  function end(error: Error): void {
    ended ??= error;
    settle?.reject(ended);
    settle = undefined;
    leave();
  }
  /**
   * Nothing interrupts a statement in the driver: the thread closes the file and ends once SQLite is done, and the process need
   * not wait for it. (A thread that is terminated in the middle of a statement keeps a process of Bun from ending.)
   */
  function leave(): void {
    worker.postMessage('close');
    worker.unref();
  }
  const onAbort = (): void => end(abortError(signal));
  signal.addEventListener('abort', onAbort, { once: true });
  worker.on('message', (answer: FileAnswer) => {
    const waiting = settle;
    settle = undefined;
    if (answer.ok) waiting?.resolve(answer.result);
    else waiting?.reject(fileError(sourceName, path, answer.failure));
  });
  worker.on('error', (cause) => end(threadError(sourceName, cause)));
  worker.on('exit', () => {
    if (settle !== undefined) end(threadError(sourceName, 'it ended'));
  });

  return {
    query(statement) {
      throwIfAborted(signal);
      return new Promise((resolve, reject) => {
        if (ended !== undefined) {
          reject(ended);
          return;
        }
        // The wait for a lock is not the statement's.
        const limitMs = options.statementMsMax + options.lockWaitMs;
        const timer = setTimeout(() => end(tooSlow(sourceName, options.statementMsMax)), limitMs);
        settle = {
          resolve: (result) => {
            clearTimeout(timer);
            resolve(result);
          },
          reject: (error) => {
            clearTimeout(timer);
            reject(error);
          },
        };
        worker.postMessage(statement);
      });
    },
    async close() {
      signal.removeEventListener('abort', onAbort);
      if (ended !== undefined) return;
      ended = threadError(sourceName, 'it was closed');
      worker.postMessage('close');
      let timer: ReturnType<typeof setTimeout> | undefined;
      const waited = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_WAIT_MS);
      });
      await Promise.race([exited, waited]);
      clearTimeout(timer);
      worker.unref();
    },
  };
}

function abortError(signal: AbortSignal): Error {
  try {
    throwIfAborted(signal);
  } catch (error) {
    if (error instanceof Error) return error;
  }
  return new SynclineError('ABORTED', 'The operation was aborted.');
}

function fileError(sourceName: string, path: string, { kind, message }: FileFailure): Error {
  const details = { source: sourceName };
  switch (kind) {
    case 'refused':
      return new SqliteRefusal(message);
    case 'busy':
      return new SynclineError(
        'SOURCE_BUSY',
        `The source "${sourceName}" is locked by its owner (${message}). Try again later, or raise its lockWaitMs.`,
        { retryable: true, details },
      );
    default:
      return new SynclineError(
        'SOURCE_UNREADABLE',
        `The source "${sourceName}" cannot be read: ${path}: ${message}.`,
        { details },
      );
  }
}

function tooSlow(sourceName: string, statementMsMax: number): SynclineError {
  return new SynclineError(
    'SOURCE_STALLED',
    `A statement of the source "${sourceName}" took longer than ${statementMsMax} ms and was given up. Give its key an index, or raise its statementMsMax.`,
    { retryable: true, details: { source: sourceName } },
  );
}

function threadError(sourceName: string, cause: unknown): SynclineError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SynclineError(
    'SOURCE_FAILED',
    `The thread that reads the source "${sourceName}" ended: ${reason}.`,
    {
      cause,
      details: { source: sourceName },
    },
  );
}
