import type { Catalog } from '../../catalog/catalog.ts';
import { priceIn, usdOf } from '../../domain/cost.ts';
import { hasEnded } from '../../pipeline/batch/next-step.ts';
import type { PriceBook } from '../price-book.ts';

const JOBS_PER_PAGE = 200;

/** What batch jobs that are not over will be charged still, as far as their prices are known. */
export async function batchedUsd(
  catalog: Pick<Catalog, 'listUntidiedBatchJobs'>,
  priceOf: PriceBook['priceOf'],
): Promise<number> {
  let usd = 0;
  for (let afterBatchJobId = 0; ; ) {
    const jobs = await catalog.listUntidiedBatchJobs({ afterBatchJobId, limit: JOBS_PER_PAGE });
    for (const job of jobs) {
      afterBatchJobId = job.batchJobId;
      if (hasEnded(job)) continue;
      const { tokensExpected = job.tokenCount, tokensCharged } = job.stats;
      const price = priceIn('batch', priceOf(job.profile));
      if (price !== undefined) usd += usdOf(Math.max(0, tokensExpected - tokensCharged), price);
    }
    if (jobs.length < JOBS_PER_PAGE) return usd;
  }
}
