import { existsSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { type LocalConnection, openLocalConnection } from './local-connection.ts';
import { failureOf, LocalConnectionError } from './local-failure.ts';
import {
  type LocalAnswer,
  type LocalFailure,
  type LocalRequest,
  type LocalWorkerData,
  packResults,
  unpackStatements,
} from './local-messages.ts';

/*
 * The worker that holds the connection. Requests are answered one after the other. It ends by a message, never from
 * outside: a thread that is terminated inside the native driver takes the process with it, and one that dies in a
 * transaction keeps the write lock until the process ends.
 */

const SQLITE_BUSY = 5;
/** Pause between attempts to get the lock: short, and different for each, so that writers do not march in step. */
const BUSY_PAUSE_MS = { min: 5, max: 50 };

const data: LocalWorkerData = workerData;
const port = parentPort;
if (port === null) throw new Error('The catalog worker has to be started as a worker.');

let connection: LocalConnection | undefined;
let checkpoints = false;
/** Size of the log at which the next checkpoint is tried; grows when readers keep one from emptying it. */
let checkpointAtBytes = data.checkpointBytes;
let checkpointFailure: LocalFailure | undefined;
let last: Promise<void> = Promise.resolve();

port.on('message', (request: LocalRequest) => {
  last = last.then(() => answer(request));
});

async function answer(request: LocalRequest): Promise<void> {
  let reply: LocalAnswer;
  try {
    reply = await handle(request);
  } catch (error) {
    reply = { id: request.id, ok: false, error: failureOf(error) };
  }
  port?.postMessage(reply, reply.ok ? [reply.packed.arena] : []);
  if (request.kind === 'close') leave();
}

/** Ends this thread once nothing is left to do. Deno's parentPort has no close(); its global scope has. */
function leave(): void {
  if (port !== null && typeof port.close === 'function') port.close();
  else globalThis.close();
}

async function handle(request: LocalRequest): Promise<LocalAnswer> {
  switch (request.kind) {
    case 'read':
    case 'write': {
      if (request.kind === 'write') reportCheckpointFailure();
      else refuseMissingFile();
      const statements = unpackStatements(request);
      const results = await whileBusy(() => opened()[request.kind](statements));
      if (request.kind === 'write') checkpointBeyond(checkpointAtBytes);
      return packResults(request.id, results);
    }
    case 'setCheckpointing':
      checkpoints = request.on;
      return packResults(request.id, []);
    case 'checkpoint':
      checkpointBeyond(0);
      return packResults(request.id, []);
    case 'close':
      close();
      return packResults(request.id, []);
  }
}

/** Looking at a catalog that is not there does not make one. */
function refuseMissingFile(): void {
  // A file of zero bytes is a catalog that was not made yet; one beside a log is told of when it is opened.
  if (connection !== undefined || bytesOf(data.path) > 0) return;
  if (existsSync(data.path) && bytesOf(`${data.path}-wal`) > 0) return;
  throw new LocalConnectionError({
    catalogCode: 'CATALOG_MISSING',
    message: `There is nothing in ${data.path}`,
  });
}

function bytesOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function opened(): LocalConnection {
  connection ??= openLocalConnection(data);
  return connection;
}

/** Tries again while another process holds the lock, up to the time limit. */
async function whileBusy<T>(attempt: () => T): Promise<T> {
  const deadline = performance.now() + data.busyTimeoutMs;
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if ((failureOf(error).rawCode ?? 0) % 256 !== SQLITE_BUSY || performance.now() > deadline) throw error;
    }
    await delay(BUSY_PAUSE_MS.min + Math.random() * (BUSY_PAUSE_MS.max - BUSY_PAUSE_MS.min));
  }
}

/**
 * Moves the log into the file when it is larger than that. A failure here does not undo the commit that came before (the log keeps
 * everything), so that commit is answered as what it is and the next write fails instead, before it does anything.
 */
function checkpointBeyond(logBytes: number): void {
  if (!checkpoints || connection === undefined || connection.walBytes() <= logBytes) return;
  try {
    connection.checkpoint();
  } catch (error) {
    checkpointFailure = failureOf(error);
  } finally {
    checkpointAtBytes = connection.walBytes() + data.checkpointBytes;
  }
}

function reportCheckpointFailure(): void {
  const failure = checkpointFailure;
  checkpointFailure = undefined;
  if (failure !== undefined) throw new LocalConnectionError(failure);
}

function close(): void {
  const closing = connection;
  connection = undefined;
  if (closing === undefined) return;
  try {
    if (checkpoints) closing.checkpoint();
  } finally {
    closing.close();
  }
}
