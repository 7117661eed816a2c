import { parentPort, workerData } from 'node:worker_threads';
import type { FileAnswer, FileRequest, FileWorkerData } from './file-messages.ts';
import { createFileReader, FileReadError } from './file-reader.ts';

/* The thread in which a file's blocking calls happen; one per extraction. It ends by a message. */

const reader = createFileReader(workerData as FileWorkerData);

function answer(request: FileRequest): FileAnswer {
  try {
    return { ok: true, result: reader.query(request) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const kind = error instanceof FileReadError ? error.kind : 'refused';
    return { ok: false, failure: { kind, message } };
  }
}

parentPort?.on('message', (request: FileRequest | 'close') => {
  if (request !== 'close') {
    parentPort?.postMessage(answer(request));
    return;
  }
  reader.close();
  // Deno's parentPort has no close(); its global scope has.
  if (typeof parentPort?.close === 'function') parentPort.close();
  else globalThis.close();
});
