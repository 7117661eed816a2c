import { parentPort, workerData } from 'node:worker_threads';
import type { CatalogSummary } from '../catalog-files.ts';
import { type CopyRequest, CopyTargetError, copyDatabase } from './copy-database.ts';
import { failureOf } from './local-failure.ts';
import type { LocalFailure } from './local-messages.ts';

/** What the worker answers, once. */
export type CopyAnswer =
  | { readonly ok: true; readonly summary: CatalogSummary }
  | { readonly ok: false; readonly side: 'original' | 'copy'; readonly failure: LocalFailure };

const request: CopyRequest = workerData;
parentPort?.postMessage(answer());

function answer(): CopyAnswer {
  try {
    return { ok: true, summary: copyDatabase(request) };
  } catch (error) {
    return error instanceof CopyTargetError
      ? { ok: false, side: 'copy', failure: failureOf(error.cause) }
      : { ok: false, side: 'original', failure: failureOf(error) };
  }
}
