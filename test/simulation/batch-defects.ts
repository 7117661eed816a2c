import type { BatchApi, BatchResult } from '../../src/batch/batch-api.ts';
import type { Embedder } from '../../src/embedders/embedder.ts';
import { withSql } from './defective-driver.ts';
import type { Defect } from './sim-runtime.ts';

/* Mistakes that can be made with batch jobs. */

function withBatch(embedder: Embedder, change: (batch: BatchApi) => BatchApi): Embedder {
  return embedder.batch === undefined ? embedder : { ...embedder, batch: change(embedder.batch) };
}

export const BATCH_DEFECTS = {
  /** A submission whose answer was lost is not looked for before it is made anew. */
  submittedAgain: {
    needs: 'batch',
    embedder: (embedder) => withBatch(embedder, (batch) => ({ ...batch, findJobs: async () => [] })),
  },

  /** What is in a job goes the direct way as well. */
  bothWays: {
    needs: 'batch',
    driver: (driver) =>
      withSql(driver, {
        'select c.chunk_id, c.document_id, c.start_offset':
          'select c.chunk_id, c.document_id, c.start_offset',
        'indexed by chunks_pending': '',
        'and c.batch_job_id is null': '',
      }),
  },

  /** A job that is over still counts against what its provider takes at a time. */
  reservationKept: {
    needs: 'batch',
    driver: (driver) => withSql(driver, { 'reserved = 0, sealed = 1': 'sealed = 1' }),
  },

  /** Jobs are handed over whatever is enqueued already. */
  overbooked: {
    needs: 'batch',
    driver: (driver) => withSql(driver, { 'where o.jobs = 0 or (': 'where true or (' }),
  },

  /** Files stay at the provider. */
  filesLeft: {
    needs: 'batch',
    embedder: (embedder) => withBatch(embedder, (batch) => ({ ...batch, removeFile: async () => undefined })),
  },

  /** Lines of results are taken in the order of the requests, whatever they name. */
  takenInOrder: {
    needs: 'batch',
    embedder: (embedder) =>
      withBatch(embedder, (batch) => ({
        ...batch,
        async *results(job, textsOf, options) {
          const lines: BatchResult[] = [];
          for await (const line of batch.results(job, textsOf, options)) lines.push(line);
          const ids = lines.flatMap((line) => ('id' in line ? [line.id] : [])).toSorted();
          for (const line of lines) yield 'id' in line ? { ...line, id: ids.shift() ?? line.id } : line;
        },
      })),
  },
} as const satisfies Readonly<Record<string, Defect>>;
