import type {
  BatchLimits,
  BatchRequest,
  BatchResult,
  BatchSubmission,
  RemoteJobFailure,
  RemoteJobState,
} from '../../src/batch/batch-api.ts';
import { SynclineError } from '../../src/domain/errors.ts';
import type { BatchFaults } from './faults.ts';
import { type Ledger, vectorOf } from './ledger.ts';
import { POISON } from './source.ts';
import type { SimProcess, World } from './world.ts';

/*
 * The provider's side of batch jobs: files and jobs that no crash of ours touches. Time alone takes a job further; how it ends,
 * and what its results look like, is drawn when it ends.
 */

/** Who sent something, and when: it may arrive later. */
export interface Sender {
  readonly process: SimProcess;
  readonly askedAtMs: number;
}

/** What lies at the provider. */
export interface DeskFile {
  readonly fileId: string;
  readonly name: string;
  readonly requests: readonly BatchRequest[];
  /** It came from a process that was no worker any more: nobody is to blame when it stays. */
  readonly isStray: boolean;
}

export interface DeskJob {
  readonly externalId: string;
  readonly name: string;
  readonly submission: number;
  readonly fileId: string;
  readonly requests: readonly BatchRequest[];
  readonly createdAtMs: number;
  readonly beginsAtMs: number;
  /** At the latest; a cancellation brings it forward. */
  endsAtMs: number;
  readonly isStuck: boolean;
  readonly isStray: boolean;
  isCancelling: boolean;
  state: RemoteJobState;
  failure: RemoteJobFailure | undefined;
  lines: readonly BatchResult[];
  resultFileId: string | undefined;
}

export interface BatchDesk {
  readonly files: Map<string, DeskFile>;
  readonly jobs: Map<string, DeskJob>;
  /** Texts whose vectors were made in jobs. */
  paidTexts(): number;
  upload(
    sender: Sender,
    name: string,
    requests: readonly BatchRequest[],
  ): { fileId: string; byteCount: number };
  submit(sender: Sender, submission: BatchSubmission, limits: BatchLimits): DeskJob;
  cancel(externalId: string): void;
  results(externalId: string): readonly BatchResult[];
  /** Takes a job as far as it is by now. */
  move(job: DeskJob): void;
}

export interface BatchDeskParts {
  readonly world: World;
  readonly ledger: Ledger;
  /** Whether what a process sent comes too late for anybody to reckon with it. */
  readonly isStray: (sender: Sender) => boolean;
  /** Before a job is made. */
  readonly onSubmit: (job: DeskJob, limits: BatchLimits) => void;
}

const NO_FAULTS: BatchFaults = { full: 0, refused: 0, expired: 0, stuck: 0, lost: 0, lines: 0 };

export function createBatchDesk({ world, ledger, isStray, onSubmit }: BatchDeskParts): BatchDesk {
  const { random } = world;
  const files = new Map<string, DeskFile>();
  const jobs = new Map<string, DeskJob>();
  let ids = 0;
  let paid = 0;
  const newId = (kind: string): string => {
    ids += 1;
    return `${kind}-${ids}`;
  };
  const faults = (): BatchFaults => (world.isFaulty() ? (world.plan.batch ?? NO_FAULTS) : NO_FAULTS);

  const addFile = (name: string, requests: readonly BatchRequest[], stray: boolean): DeskFile => {
    const file = { fileId: newId('file'), name, requests, isStray: stray };
    files.set(file.fileId, file);
    return file;
  };

  const move = (job: DeskJob): void => {
    const nowMs = world.nowMs();
    if (isOver(job)) return;
    if (nowMs < job.beginsAtMs && !job.isCancelling) return;
    job.state = 'running';
    const isHeldUp = job.isStuck && world.isFaulty() && !job.isCancelling;
    if (nowMs < job.endsAtMs || isHeldUp) return;
    finish(job);
    world.note(`the job ${job.externalId} is ${job.state}`);
  };

  const finish = (job: DeskJob): void => {
    const { full, refused, expired, lost, lines } = faults();
    const kind = random.chance(full) ? 'enqueuedLimit' : random.chance(refused) ? 'refused' : undefined;
    if (!job.isCancelling && kind !== undefined) {
      job.state = 'failed';
      job.failure = { kind, message: 'The simulated provider did not take it.' };
      return;
    }
    job.state = job.isCancelling ? 'cancelled' : random.chance(expired) ? 'expired' : 'completed';
    const { requests } = job;
    const worked = job.state === 'completed' ? requests.length : random.between(0, requests.length);
    job.lines = spoil(
      requests.flatMap((request, index) => (index < worked ? [answer(request)] : unanswered(request))),
      lines,
    );
    if (job.lines.length === 0) return;
    job.resultFileId = addFile(`${job.externalId} results`, [], job.isStray).fileId;
    if (random.chance(lost)) files.delete(job.resultFileId);
  };

  const answer = ({ id, texts }: BatchRequest): BatchResult => {
    const isFlaky = world.isFaulty() && random.chance(world.plan.flakyRefusals);
    if (isFlaky || texts.some((text) => text.includes(POISON))) {
      const [alone] = texts;
      if (alone !== undefined && texts.length === 1) ledger.refused.add(alone);
      const error = new SynclineError('EMBEDDING_REQUEST_REFUSED', 'The simulated provider refuses this.');
      return { kind: 'refused', id, error };
    }
    paid += texts.length;
    for (const text of texts) ledger.paid.set(text, (ledger.paid.get(text) ?? 0) + 1);
    return { kind: 'vectors', id, vectors: texts.map(vectorOf), tokensCharged: texts.length };
  };

  /** With a line that says so, or without any. */
  const unanswered = ({ id }: BatchRequest): BatchResult[] => {
    const error = new SynclineError('PROVIDER_FAILED', 'It was not worked on.', { retryable: true });
    return random.chance(0.5) ? [{ kind: 'unanswered', id, error }] : [];
  };

  const spoil = (lines: readonly BatchResult[], share: number): BatchResult[] => {
    if (share === 0) return [...lines];
    const spoiled = lines.flatMap((line): BatchResult[] => {
      if (!random.chance(share)) return [line];
      const foreign = 'id' in line ? { ...line, id: `r${random.between(50, 99)}-1` } : line;
      return random.pick([
        [line, line],
        [],
        [{ kind: 'unreadable', message: 'It is cut off.' }],
        [line, foreign],
      ]);
    });
    return random.chance(0.5) ? spoiled.toReversed() : spoiled;
  };

  return {
    files,
    jobs,
    paidTexts: () => paid,
    move,
    upload(sender, name, requests) {
      const { fileId } = addFile(name, requests, isStray(sender));
      return { fileId, byteCount: 1 };
    },
    submit(sender, { name, submission, fileId }, limits) {
      const { full, refused, stuck } = faults();
      const file = files.get(fileId);
      if (random.chance(full))
        throw new SynclineError('BATCH_LIMIT_REACHED', 'Too much is enqueued.', { retryable: true });
      if (file === undefined || random.chance(refused))
        throw new SynclineError('BATCH_REFUSED', `The simulated provider does not take ${fileId}.`);
      const createdAtMs = world.nowMs();
      const beginsAtMs = createdAtMs + random.between(0, 3_000);
      const job: DeskJob = {
        externalId: newId('job'),
        name,
        submission,
        fileId,
        requests: file.requests,
        createdAtMs,
        beginsAtMs,
        endsAtMs: beginsAtMs + random.between(1_000, 30_000),
        isStuck: random.chance(stuck),
        isStray: isStray(sender),
        isCancelling: false,
        state: 'waiting',
        failure: undefined,
        lines: [],
        resultFileId: undefined,
      };
      if (!job.isStray) onSubmit(job, limits);
      jobs.set(job.externalId, job);
      return job;
    },
    cancel(externalId) {
      const job = jobs.get(externalId);
      if (job === undefined) return;
      move(job);
      if (isOver(job)) return;
      job.isCancelling = true;
      job.endsAtMs = Math.min(job.endsAtMs, world.nowMs() + random.between(0, 15_000));
    },
    results(externalId) {
      const job = jobs.get(externalId);
      const isThere = job?.resultFileId === undefined || files.has(job.resultFileId);
      if (job !== undefined && isThere) return job.lines;
      throw new SynclineError('BATCH_RESULTS_LOST', `The results of ${externalId} are gone.`);
    },
  };
}

export function isOver({ state }: Pick<DeskJob, 'state'>): boolean {
  return state !== 'waiting' && state !== 'running';
}
