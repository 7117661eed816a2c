import type { BatchApi, BatchResult, RemoteJob } from '../../batch/batch-api.ts';
import type { BatchJobRecord, BatchStats, EndedBatchStatus, NewEmbedding } from '../../catalog/catalog.ts';
import { priceIn } from '../../domain/cost.ts';
import { isSynclineError, type SynclineError, throwIfAborted } from '../../domain/errors.ts';
import type { Digest } from '../../domain/hash.ts';
import { isFinal } from '../halving.ts';
import {
  type BatchWork,
  batchApiUnlessLeft,
  endJob,
  remoteOf,
  requireJob,
  type StepEnd,
  tellState,
} from './batch-work.ts';
import { parseRequestId } from './request-id.ts';

const TEXTS_PER_READ = 10_000;
/** Vectors stored in one transaction, by count and by size. */
const VECTORS_PER_PAGE = 256;
const BYTES_PER_PAGE = 1_000_000;
/** Pages after which the counts are written and those who wait for vectors are woken. */
const PAGES_PER_WAKE = 20;
/** Of the texts of a completed job: more than this without any answer are the job's fault, fewer are sent the direct way. */
const MISSING_SHARE_MAX = 0.5;
/** Refusals that wait for the proof that the job's provider accepts anything; beyond them each is charged an attempt. */
const DOUBTED_MAX = 1_000;

interface RefusedText {
  readonly textHash: Digest;
  readonly error: SynclineError;
}

interface WaitingText {
  readonly textHash: Digest;
  readonly tokenCount: number;
}

/** One run over the results of a job. */
interface Harvest {
  readonly work: BatchWork;
  readonly job: BatchJobRecord;
  /** Texts that the job still has when the run begins, by request and place; those that were answered go out. */
  readonly waiting: Map<number, Map<number, WaitingText>>;
  stats: { -readonly [Count in keyof BatchStats]: BatchStats[Count] };
  page: {
    embeddings: NewEmbedding[];
    bytes: number;
    requests: number;
    tokens: number;
    isEstimated: boolean;
    firstRequestNo: number;
  };
  pages: number;
  /** Texts that were not worked on: they are sent again in another job. */
  readonly unanswered: Set<WaitingText>;
  /** Some text of the job has got its vector in this run. */
  hasAccepted: boolean;
  /** Texts that were refused alone and for good, unless it is the provider, or what we have set for it, that refuses all. */
  doubted: RefusedText[];
  lost: SynclineError | undefined;
}

/**
 * Stores what came back, page by page as it streams in; whatever ended the job, its results are taken. Each page takes its
 * texts out of the job in the transaction that stores and charges them, so a run that was cut short is simply run again.
 */
export async function harvestJob(work: BatchWork, batchJobId: number, signal: AbortSignal): Promise<StepEnd> {
  const job = await requireJob(work, batchJobId);
  const remote = remoteOf(job);
  if (remote === undefined) return 'on';
  if (remote.state === 'failed') return endFailed(work, job, remote);
  const api = await batchApiUnlessLeft(work, job);
  if (api === undefined) return 'on';
  const harvest: Harvest = {
    work,
    job,
    waiting: await readWaiting(work, batchJobId),
    stats: { ...job.stats },
    page: emptyPage(),
    pages: 0,
    unanswered: new Set(),
    hasAccepted: false,
    doubted: [],
    lost: undefined,
  };
  await takeResults(harvest, api, remote, signal);
  await storePage(harvest);
  await settleDoubted(harvest);
  await end(harvest, remote.state as EndedBatchStatus);
  return 'on';
}

async function endFailed(work: BatchWork, job: BatchJobRecord, { failure }: RemoteJob): Promise<StepEnd> {
  const { batchJobId } = job;
  const reason = failure?.message ?? 'It does not say why.';
  if (failure?.kind === 'enqueuedLimit' && job.asked === undefined) {
    await work.writer.resetBatchSubmission(batchJobId, `BATCH_LIMIT_REACHED: ${reason}`);
    await tellState(work, batchJobId);
    return 'wait';
  }
  await endJob(work, job, { status: 'failed', error: `BATCH_REFUSED: ${reason}` });
  return 'on';
}

async function readWaiting({ catalog }: BatchWork, batchJobId: number): Promise<Harvest['waiting']> {
  const waiting: Harvest['waiting'] = new Map();
  let after: { readonly requestNo: number; readonly place: number } | undefined;
  for (;;) {
    const texts = await catalog.listBatchTexts(batchJobId, {
      limit: TEXTS_PER_READ,
      ...(after && { after }),
    });
    for (const { requestNo, place, textHash, tokenCount } of texts) {
      const places = waiting.get(requestNo) ?? new Map<number, WaitingText>();
      // Copied: an answer of the catalog is one piece of memory.
      places.set(place, { textHash: textHash.slice(), tokenCount });
      waiting.set(requestNo, places);
    }
    after = texts.at(-1);
    if (texts.length < TEXTS_PER_READ) return waiting;
  }
}

async function takeResults(
  harvest: Harvest,
  api: BatchApi,
  remote: RemoteJob,
  signal: AbortSignal,
): Promise<void> {
  const textsOf = (id: string): number | undefined => {
    const parsed = parseRequestId(id);
    return parsed !== undefined && harvest.waiting.has(parsed.requestNo) ? parsed.places.length : undefined;
  };
  try {
    for await (const result of api.results(remote, textsOf, { signal })) {
      throwIfAborted(signal);
      await takeResult(harvest, result);
    }
  } catch (error) {
    if (!isSynclineError(error, 'BATCH_RESULTS_LOST')) throw error;
    harvest.lost = error;
  }
}

async function takeResult(harvest: Harvest, result: BatchResult): Promise<void> {
  const { waiting, stats } = harvest;
  const request = 'id' in result ? parseRequestId(result.id) : undefined;
  const places = request && waiting.get(request.requestNo);
  if (request === undefined || places === undefined || !('id' in result)) {
    stats.strangeLines += 1;
    return;
  }
  const texts = request.places.map((place) => places.get(place));
  const known = texts.filter((text) => text !== undefined);
  if (result.kind === 'unanswered') {
    for (const text of known) harvest.unanswered.add(text);
    return;
  }
  waiting.delete(request.requestNo);
  if (result.kind === 'refused') return takeRefusal(harvest, known, request.places.length, result.error);
  for (const text of known) harvest.unanswered.delete(text);
  if (result.kind === 'vectors') await addToPage(harvest, request.requestNo, texts, result);
}

/**
 * A text that was refused alone is charged, and given up at once where the refusal is final and anything else of its job was
 * accepted, as directly; of several it is not known which one is to blame, and halving finds out.
 */
async function takeRefusal(
  harvest: Harvest,
  texts: readonly WaitingText[],
  sentTogether: number,
  error: SynclineError,
): Promise<void> {
  const { work, job, stats } = harvest;
  const { batchJobId } = job;
  const hashes = texts.map(({ textHash }) => textHash);
  if (sentTogether > 1) {
    await work.writer.releaseBatchTexts(batchJobId, hashes, 'direct');
    stats.released += hashes.length;
    return;
  }
  const refused = hashes.map((textHash) => ({ textHash, error }));
  if (!isFinal(error)) return chargeTexts(harvest, refused, false);
  harvest.doubted.push(...refused);
  if (harvest.hasAccepted || harvest.doubted.length >= DOUBTED_MAX) await settleDoubted(harvest);
}

async function settleDoubted(harvest: Harvest): Promise<void> {
  const { doubted, hasAccepted } = harvest;
  harvest.doubted = [];
  if (doubted.length > 0) await chargeTexts(harvest, doubted, hasAccepted);
}

async function chargeTexts(
  { work, job, stats }: Harvest,
  refused: readonly RefusedText[],
  isForGood: boolean,
): Promise<void> {
  const failures = refused.map(({ textHash, error }) => ({
    textHash,
    error: `${error.code}: ${error.message}`,
  }));
  const attemptsMax = isForGood ? 1 : work.settings.textAttemptsMax;
  await work.writer.failBatchTexts(job.batchJobId, failures, attemptsMax);
  stats.refused += refused.length;
  for (const { error } of refused) work.report({ type: 'textFailed', job, error, gaveUp: isForGood });
}

async function addToPage(
  harvest: Harvest,
  requestNo: number,
  texts: readonly (WaitingText | undefined)[],
  { vectors, tokensCharged }: Extract<BatchResult, { kind: 'vectors' }>,
): Promise<void> {
  const { page } = harvest;
  let ownTokens = 0;
  for (const [index, text] of texts.entries()) {
    const vector = vectors[index];
    if (text === undefined || vector === undefined) continue;
    harvest.hasAccepted = true;
    page.embeddings.push({ textHash: text.textHash, vector });
    page.bytes += vector.byteLength;
    ownTokens += text.tokenCount;
  }
  if (page.requests === 0) page.firstRequestNo = requestNo;
  page.requests += 1;
  page.tokens += tokensCharged ?? ownTokens;
  page.isEstimated ||= tokensCharged === undefined;
  if (page.embeddings.length >= VECTORS_PER_PAGE || page.bytes >= BYTES_PER_PAGE) await storePage(harvest);
}

function emptyPage(): Harvest['page'] {
  return { embeddings: [], bytes: 0, requests: 0, tokens: 0, isEstimated: false, firstRequestNo: 0 };
}

/** Stores and charges a page in one transaction. */
async function storePage(harvest: Harvest): Promise<void> {
  const { work, job, page, stats } = harvest;
  harvest.page = emptyPage();
  if (page.embeddings.length === 0) return;
  const price = work.priceOf(job.profile);
  await work.writer.storeEmbeddings(job.profileId, page.embeddings, {
    charge: {
      requestId: `${job.name}:${page.firstRequestNo}`,
      datasetId: job.datasetId,
      mode: 'batch',
      isInRun: false,
      requestCount: page.requests,
      textCount: page.embeddings.length,
      tokenCount: page.tokens,
      isEstimated: page.isEstimated,
      usdPerMillionTokens: priceIn('batch', price),
      durationMs: 0,
    },
    usdPerMillionTokens: price?.usdPerMillionTokens,
  });
  stats.stored += page.embeddings.length;
  stats.tokensCharged += page.tokens;
  work.report({ type: 'harvested', job, texts: page.embeddings.length, tokensCharged: page.tokens });
  harvest.pages += 1;
  if (harvest.pages % PAGES_PER_WAKE !== 0) return;
  await work.writer.noteBatchStats(job.batchJobId, stats);
  await work.wake(job.profileId);
}

/** What is left: not worked on, or without any line of its own. */
async function end(harvest: Harvest, status: EndedBatchStatus): Promise<void> {
  const { work, job, stats, lost } = harvest;
  const left = [...harvest.waiting.values()].flatMap((places) => [...places.values()]);
  const missing = left.filter((text) => !harvest.unanswered.has(text));
  const isFewMissing = missing.length <= job.textCount * MISSING_SHARE_MAX;
  if (status === 'completed' && lost === undefined && isFewMissing) {
    const hashes = missing.map(({ textHash }) => textHash);
    await work.writer.releaseBatchTexts(job.batchJobId, hashes, 'direct');
  }
  const counts: BatchStats = {
    ...stats,
    released: stats.released + left.length,
    // Also what an earlier run stored that was cut short.
    stored: Math.max(stats.stored, job.textCount - stats.refused - stats.released - left.length),
  };
  await work.writer.noteBatchStats(job.batchJobId, counts);
  const harvested = { ...job, stats: counts };
  await endJob(work, harvested, { status, ...(lost && { error: `${lost.code}: ${lost.message}` }) });
}
