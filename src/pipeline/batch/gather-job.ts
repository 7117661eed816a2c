import type { BatchApi } from '../../batch/batch-api.ts';
import type { BatchJobRecord, BatchText, ConfigurationRecord, PendingChunk } from '../../catalog/catalog.ts';
import { priceIn } from '../../domain/cost.ts';
import { isSynclineError } from '../../domain/errors.ts';
import { toHex } from '../../domain/hash.ts';
import type { EmbedderLimits } from '../../embedders/embedder.ts';
import { budgetedTokens } from '../../embedders/pack-requests.ts';
import { admitRequest, tokensOf } from '../store-answer.ts';
import type { DatasetWork } from '../work.ts';
import { requestId } from './request-id.ts';

/** Letters and digits of a job's name after its prefix. */
const NAME_LENGTH = 24;
/** A request of at least so many characters is not filled up further: what it has around its texts is little by then. */
const REQUEST_LENGTH_ENOUGH = 2_000;

/** What a job holds so far. */
interface Filling {
  inputs: number;
  requests: number;
  bytes: number;
  tokens: number;
}

/**
 * Puts pending texts of a configuration into a new job, as many as the provider takes in one; returns its id, or `undefined`
 * when there was none to take. Texts that are embedded directly at this moment, by whichever dataset, are left out, and those
 * that are too long for their model.
 *
 * Cut short at any moment, the job is what it is by then: its texts are in it, and it is handed over like any other.
 */
export async function gatherJob(
  work: DatasetWork,
  configuration: ConfigurationRecord,
  api: BatchApi,
  { tokensPerItemMax }: Pick<EmbedderLimits, 'tokensPerItemMax'>,
): Promise<number | undefined> {
  const { catalog, writer, settings, inFlightTexts } = work;
  const { configurationId, profileId } = configuration;
  const filling: Filling = { inputs: 0, requests: 0, bytes: 0, tokens: 0 };
  let job: BatchJobRecord | undefined;
  let tokensExpected = 0;
  const runUsdPerMillionTokens = work.spend.hasRunCap(work.dataset.datasetId)
    ? priceIn('batch', work.priceOf(configuration.profile))
    : undefined;
  let afterChunkId = 0;
  for (;;) {
    const look = inFlightTexts.look();
    let claimed: PendingChunk[] = [];
    try {
      const page = await catalog.listPendingChunks(configurationId, {
        afterChunkId,
        limit: settings.chunksPerPageMax,
        textLengthMax: settings.textLengthPerBatchMax * 2,
      });
      if (page.length === 0) break;
      afterChunkId = page.at(-1)?.chunkId ?? afterChunkId;
      claimed = page.filter(
        ({ textHash, tokenCount, isPulledBack }) =>
          !isPulledBack &&
          tokenCount <= tokensPerItemMax &&
          look.claim(profileId, toHex(textHash)) === undefined,
      );
      const { texts, sent, isFull } = fill(filling, claimed, api);
      if (texts.length > 0) {
        // Set aside until the job itself says what it will cost, which is charged when its results come.
        const release = await admitRequest(work, configuration, sent, 'batch');
        try {
          job ??= await createJob(work, profileId);
          await writer.addBatchTexts(job.batchJobId, texts);
          work.accounts.noteBatched(
            profileId,
            texts.map(({ textHash }) => textHash),
          );
          tokensExpected += tokensOf(sent);
          await writer.expectBatchTokens(job.batchJobId, { tokensExpected, runUsdPerMillionTokens });
        } finally {
          release();
        }
      }
      if (isFull || work.hold.active) break;
    } catch (error) {
      // The job is made of what was allowed; whoever wants more is told so at the next attempt.
      if (job === undefined || !isSynclineError(error, 'SPEND_CAP_REACHED')) throw error;
      break;
    } finally {
      look.end();
      for (const { textHash } of claimed) inFlightTexts.release(profileId, toHex(textHash));
    }
  }
  if (job !== undefined) await writer.sealBatchJob(job.batchJobId);
  return job?.batchJobId;
}

function createJob({ writer, clock, dataset }: DatasetWork, profileId: number) {
  const name = `syncline-${clock
    .newId()
    .replaceAll(/[^0-9a-z]/g, '')
    .slice(0, NAME_LENGTH)}`;
  return writer.createBatchJob({ name, type: 'embedding', datasetId: dataset.datasetId, profileId });
}

/** Packs texts into requests, until the job is full. Several short ones share a request; one that was refused before stands alone. */
function fill(
  filling: Filling,
  chunks: readonly PendingChunk[],
  api: BatchApi,
): { readonly texts: BatchText[]; readonly sent: PendingChunk[]; readonly isFull: boolean } {
  const { limits } = api;
  const texts: BatchText[] = [];
  const sent: PendingChunk[] = [];
  let request: PendingChunk[] = [];
  let length = 0;
  let requestTokens = 0;
  const inputsMax = Math.min(limits.inputsPerRequestMax, limits.inputsPerJobMax);
  const close = (): boolean => {
    if (request.length === 0) return true;
    const places = request.map((_, place) => place);
    const embeddedTexts = request.map(({ embeddedText }) => embeddedText);
    const bytes = api.bytesOf({ id: requestId(limits.requestsPerJobMax, places), texts: embeddedTexts });
    const tokens = requestTokens;
    const isTooMuch =
      filling.requests >= limits.requestsPerJobMax ||
      filling.bytes + bytes > limits.bytesPerJobMax ||
      filling.inputs + request.length > limits.inputsPerJobMax ||
      filling.tokens + tokens > limits.enqueuedTokensMax;
    // A text that is too large alone is for the provider to judge.
    if (isTooMuch && filling.requests > 0) return false;
    for (const [place, chunk] of request.entries()) {
      texts.push({
        textHash: chunk.textHash,
        requestNo: filling.requests,
        place,
        requestSize: request.length,
        tokenCount: budgetedTokens(chunk),
      });
    }
    sent.push(...request);
    filling.requests += 1;
    filling.inputs += request.length;
    filling.bytes += bytes;
    filling.tokens += tokens;
    request = [];
    length = 0;
    requestTokens = 0;
    return true;
  };
  for (const chunk of chunks) {
    const isAlone = chunk.attemptCount > 0 || request[0]?.attemptCount !== 0;
    const tokens = budgetedTokens(chunk);
    const isEnough =
      length >= REQUEST_LENGTH_ENOUGH ||
      request.length >= inputsMax ||
      requestTokens + tokens > limits.enqueuedTokensMax;
    if (request.length > 0 && (isAlone || isEnough) && !close()) return { texts, sent, isFull: true };
    request.push(chunk);
    length += chunk.embeddedText.length;
    requestTokens += tokens;
  }
  return { isFull: !close(), texts, sent };
}
