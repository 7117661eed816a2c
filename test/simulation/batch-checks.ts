import type { BatchLimits } from '../../src/batch/batch-api.ts';
import { statement } from '../../src/catalog/sql-driver.ts';
import { type BatchDesk, type DeskJob, isOver, type Sender } from './batch-desk.ts';
import { type Ledger, textHashHex } from './ledger.ts';
import { Violation } from './observer.ts';
import { LATE_MS_MAX } from './sim-batch.ts';
import type { SimDatabase } from './sim-catalog.ts';
import type { World } from './world.ts';

/*
 * What must hold of batch jobs, looked at whenever something is sent to the provider, and in the end.
 */

export interface BatchChecks {
  /** Before a request for vectors is sent the direct way. */
  beforeRequest(texts: readonly string[]): void;
  /** Before a job is made. */
  beforeJob(job: DeskJob, limits: BatchLimits): void;
  /** When nothing is left to do. */
  atTheEnd(): void;
}

export interface BatchChecksParts {
  readonly database: SimDatabase;
  readonly desk: () => BatchDesk;
  readonly ledger: Ledger;
  readonly complaints: string[];
}

const IN_JOB = 'select 1 from batch_texts where lower(hex(text_hash)) = ? and batch_job_id is not null';
const STORED = 'select 1 from embeddings where lower(hex(text_hash)) = ?';
const TOKENS =
  'select coalesce(sum(token_count), 0) from batch_jobs where name in (select value from json_each(?))';

/** What came so late that nobody could reckon with it: its process was stopped, and another has taken its place. */
export function isTooLate({ askedAtMs }: Sender, world: World, isWorker: boolean): boolean {
  return !isWorker && world.nowMs() - askedAtMs > LATE_MS_MAX;
}

export function createBatchChecks({ database, desk, ledger, complaints }: BatchChecksParts): BatchChecks {
  const live = (): DeskJob[] => [...desk().jobs.values()].filter((job) => !isOver(job) && !job.isStray);
  const has = (sql: string, text: string): boolean => database.rows(sql, textHashHex(text)).length > 0;
  const shown = (text: string): string => JSON.stringify(text.slice(0, 40));
  return {
    beforeRequest(texts) {
      for (const text of texts) {
        if (has(IN_JOB, text))
          complaints.push(`A vector is asked for that a batch job is to bring: ${shown(text)}.`);
        else if (live().some((job) => textsOf(job).includes(text)))
          complaints.push(`A vector is asked for that is in a job at the provider: ${shown(text)}.`);
      }
    },
    beforeJob(job, { enqueuedTokensMax }) {
      const others = live();
      const twin = others.find(({ name }) => name === job.name);
      if (twin !== undefined)
        throw new Violation(`The job ${job.name} is submitted while ${twin.externalId} is at work on it.`);
      const underWay = new Set([...ledger.inFlight.values()].flatMap((texts) => [...texts]));
      for (const text of textsOf(job)) {
        if (has(STORED, text))
          throw new Violation(`A job asks for a vector that the catalog has: ${shown(text)}.`);
        if (underWay.has(text))
          throw new Violation(`A job asks for a vector that is asked for directly: ${shown(text)}.`);
        if (others.some((other) => textsOf(other).includes(text)))
          throw new Violation(`Two jobs ask for the same vector: ${shown(text)}.`);
      }
      const tokens = (jobs: readonly DeskJob[]): number =>
        Number(database.rows(TOKENS, JSON.stringify(jobs.map(({ name }) => name)))[0]?.[0]);
      if (others.length > 0 && tokens([...others, job]) > enqueuedTokensMax)
        throw new Violation(`More tokens are enqueued than the provider takes at a time.`);
    },
    atTheEnd() {
      for (const { externalId, name, isStray, ...job } of desk().jobs.values()) {
        if (!isStray && !isOver(job))
          throw new Violation(`The job ${externalId} of ${name} is left at work.`);
      }
      const files = [...desk().files.values()].filter(({ isStray }) => !isStray);
      if (files.length > 0)
        throw new Violation(
          `Files are left at the provider: ${files.map(({ fileId, name }) => `${fileId} of ${name}`).join(', ')}.`,
        );
      const [unfinished, reserved, texts] = database.inspect(
        statement('select batch_job_id from batch_jobs where tidied = 0'),
        statement('select batch_job_id from batch_jobs where reserved = 1'),
        statement('select batch_job_id from batch_texts where batch_job_id is not null'),
      );
      if (unfinished?.rows.length !== 0) throw new Violation('A batch job does not end.');
      if (reserved?.rows.length !== 0) throw new Violation('A job that is over keeps its tokens reserved.');
      if (texts?.rows.length !== 0) throw new Violation('A text is still in a batch job.');
    },
  };
}

function textsOf({ requests }: DeskJob): string[] {
  return requests.flatMap(({ texts }) => texts);
}
