import { URL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { SynclineError } from '../../domain/errors.ts';
import type { SqlDriver, SqlResult, SqlStatement } from '../sql-driver.ts';
import { checkArguments } from '../sql-parameters.ts';
import { openFailureCode, sqliteError } from '../sqlite-errors.ts';
import { createAnswerPace } from './answer-pace.ts';
import {
  type LocalAnswer,
  type LocalFailure,
  type LocalRequest,
  type LocalWorkerData,
  packStatements,
  unpackResults,
} from './local-messages.ts';

/** How to open a catalog file. */
export interface LocalDriverOptions {
  /** Absolute path. */
  readonly path: string;
  /** `readOnly` never changes anything, not even the log; a missing file is an error. */
  readonly access: 'readWrite' | 'readOnly';
  /** How long to wait for another process's write lock. */
  readonly busyTimeoutMs: number;
  /** Size of the write-ahead log at which it is moved into the file. Default 64 MiB. */
  readonly checkpointBytes?: number;
}

const CHECKPOINT_BYTES = 64 * 1_024 * 1_024;
/** Keeps one message's work on the main thread within a few milliseconds. */
const MESSAGE_BYTES_MAX = 2_000_000;
/** How long closing waits for the thread to end after it has closed the file. */
const EXIT_WAIT_MS = 5_000;

interface Waiting {
  resolve(results: SqlResult[]): void;
  reject(error: SynclineError): void;
}

/** A worker and what was asked of it. */
interface Connection {
  readonly worker: Worker;
  readonly waiting: Map<number, Waiting>;
}

/**
 * A catalog file through `libsql`, whose blocking calls happen in one worker thread. Nothing is started or opened before
 * the first request. An idle open driver does not keep the process alive.
 */
export function createLocalDriver(options: LocalDriverOptions): SqlDriver {
  const location = options.path;
  let connection: Connection | undefined;
  let closing: Promise<void> | undefined;
  let lastId = 0;

  function request(message: (id: number) => LocalRequest): Promise<SqlResult[]> {
    connection ??= startWorker(options, (broken) => {
      if (connection?.worker === broken) connection = undefined;
    });
    lastId += 1;
    return send(connection, message(lastId));
  }

  function execute(kind: 'read' | 'write', statements: readonly SqlStatement[]): Promise<SqlResult[]> {
    if (closing !== undefined) return Promise.reject(closedError(location));
    try {
      checkArguments(statements);
    } catch (error) {
      return Promise.reject(error);
    }
    return request((id) => packStatements(id, kind, statements));
  }

  async function close(): Promise<void> {
    if (connection === undefined) return;
    const { worker } = connection;
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    try {
      await request((id) => ({ id, kind: 'close' }));
    } finally {
      worker.ref();
      await settledWithin(exited, EXIT_WAIT_MS);
      worker.unref();
    }
  }

  return {
    location,
    kind: 'local',
    writeBytesMax: MESSAGE_BYTES_MAX,
    readBytesMax: MESSAGE_BYTES_MAX,
    read: (statements) => execute('read', statements),
    write: (statements) => execute('write', statements),
    async setCheckpointing(on) {
      if (closing === undefined) await request((id) => ({ id, kind: 'setCheckpointing', on }));
    },
    async checkpoint() {
      if (closing === undefined) await request((id) => ({ id, kind: 'checkpoint' }));
    },
    close() {
      closing ??= close();
      return closing;
    },
  };
}

function startWorker(options: LocalDriverOptions, onExit: (worker: Worker) => void): Connection {
  const workerData: LocalWorkerData = {
    path: options.path,
    access: options.access,
    busyTimeoutMs: options.busyTimeoutMs,
    checkpointBytes: options.checkpointBytes ?? CHECKPOINT_BYTES,
  };
  // The published package holds .js files, the repository .ts files.
  const file = import.meta.url.endsWith('.ts') ? './local-worker.ts' : './local-worker.js';
  const worker = new Worker(new URL(file, import.meta.url), { workerData });
  worker.unref();
  const waiting = new Map<number, Waiting>();
  const take = createAnswerPace();
  const failAll = (cause: unknown) => {
    for (const { reject } of waiting.values()) reject(workerDiedError(options.path, cause));
    waiting.clear();
    onExit(worker);
  };
  worker.on('message', (answer: LocalAnswer) => {
    const request = waiting.get(answer.id);
    waiting.delete(answer.id);
    // Only work under way keeps the process alive.
    if (waiting.size === 0) worker.unref();
    // In a turn of its own: a caller that spins the event loop from here (as "expect(…).rejects" of bun:test does)
    // would otherwise wait for a message inside the delivery of this one, for ever.
    take(() => {
      if (answer.ok) request?.resolve(unpackResults(answer));
      else request?.reject(localError(options.path, answer.error));
    });
  });
  worker.on('error', failAll);
  worker.on('exit', (exitCode) => failAll(`exit code ${exitCode}`));
  return { worker, waiting };
}

function send({ worker, waiting }: Connection, request: LocalRequest): Promise<SqlResult[]> {
  return new Promise((resolve, reject) => {
    waiting.set(request.id, { resolve, reject });
    worker.ref();
    worker.postMessage(request, 'packed' in request ? [request.packed.arena] : []);
  });
}

/** Waits for a promise that never rejects, but not for ever. */
async function settledWithin(promise: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs);
  });
  await Promise.race([promise, timeout]);
  clearTimeout(timer);
}

/** What a failure of the file at `location` is to the main thread. */
export function localError(location: string, failure: LocalFailure): SynclineError {
  if (failure.catalogCode !== undefined) {
    return new SynclineError(
      failure.catalogCode,
      `The catalog ${location} cannot be opened: ${failure.message}. It was left as it is.`,
    );
  }
  const rawCode = failure.rawCode ?? openFailureCode(failure.message);
  return sqliteError(location, { message: failure.message, rawCode });
}

function workerDiedError(location: string, cause: unknown): SynclineError {
  return new SynclineError('CATALOG_FAILED', `The thread that holds the catalog ${location} ended.`, {
    cause,
  });
}

function closedError(location: string): SynclineError {
  return new SynclineError('CATALOG_FAILED', `The catalog ${location} is closed. Open it again.`);
}
