import type { ConfigurationRecord, PendingChunk } from '../catalog/catalog.ts';
import { formatAddress } from '../domain/address.ts';
import { type Charge, type CostMode, priceIn, usdOf } from '../domain/cost.ts';
import { SynclineError } from '../domain/errors.ts';
import type { DatasetWork } from './work.ts';

/** What a provider answered, to be stored and charged. */
export interface Answer {
  /**
   * The same for the same answer: it is charged once, however often it is stored. A direct request has one of its own; a batch
   * job's result one that tells the job and the part of it.
   */
  readonly requestId: string;
  readonly mode: Exclude<CostMode, 'query'>;
  /** Default 1. */
  readonly requestCount?: number;
  readonly chunks: readonly Pick<PendingChunk, 'textHash' | 'tokenCount'>[];
  /** One for each chunk. */
  readonly vectors: readonly Float32Array[];
  /** Tokens that each text was cut to; `undefined` for those that were sent whole. */
  readonly tokensSent?: readonly (number | undefined)[];
  /** As the provider says; where it does not, the tokenizer's count is charged, and marked as estimated. */
  readonly tokensCharged: number | undefined;
  readonly durationMs: number;
}

/**
 * Stores what a provider answered and charges it to the dataset, in one transaction: the one way for texts that were paid
 * for, whoever asked for them.
 */
export async function storeAnswer(
  work: DatasetWork,
  { profile, profileId }: Pick<ConfigurationRecord, 'profile' | 'profileId'>,
  answer: Answer,
): Promise<void> {
  const { chunks, vectors, tokensCharged } = answer;
  const embeddings = chunks.map(({ textHash }, index) => ({
    textHash,
    vector: vectorAt(vectors, index),
    embeddedTokenCount: answer.tokensSent?.[index],
  }));
  const price = work.priceOf(profile);
  const charge: Charge = {
    requestId: answer.requestId,
    datasetId: work.dataset.datasetId,
    mode: answer.mode,
    requestCount: answer.requestCount ?? 1,
    textCount: chunks.length,
    tokenCount: tokensCharged ?? tokensOf(chunks),
    isEstimated: tokensCharged === undefined,
    usdPerMillionTokens: priceIn(answer.mode, price),
    durationMs: answer.durationMs,
    isInRun: work.spend.hasRunCap(work.dataset.datasetId),
  };
  await work.writer.storeEmbeddings(profileId, embeddings, {
    charge,
    usdPerMillionTokens: price?.usdPerMillionTokens,
  });
  const { tokenCount, usdPerMillionTokens } = charge;
  work.accounts.noteEmbedded({ profileId, chunks, tokensCharged: tokenCount, usdPerMillionTokens });
  work.unwritten.vectors += chunks.length;
  work.report({ type: 'embedded', texts: chunks.length, tokensCharged });
  work.changed.ring();
}

/**
 * Sets aside what a request will cost, by the tokenizer's count, until the returned function is called: when its answer was
 * stored, or there is none.
 *
 * @throws SynclineError `SPEND_CAP_REACHED` when that would pass a cap; then nothing is to be sent.
 */
export function admitRequest(
  work: DatasetWork,
  { profile }: Pick<ConfigurationRecord, 'profile'>,
  chunks: readonly Pick<PendingChunk, 'tokenCount'>[],
  mode: Answer['mode'] = 'direct',
): Promise<() => void> {
  const { datasetId, address } = work.dataset;
  const price = priceIn(mode, work.priceOf(profile));
  const usd = price === undefined ? undefined : usdOf(tokensOf(chunks), price);
  return work.spend.admit({
    datasetId,
    address: formatAddress(address),
    usd,
    writer: work.writer,
  });
}

/** As the tokenizer counts them. */
export function tokensOf(chunks: readonly Pick<PendingChunk, 'tokenCount'>[]): number {
  return chunks.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
}

function vectorAt(vectors: readonly Float32Array[], index: number): Float32Array {
  const vector = vectors[index];
  if (vector === undefined) {
    throw new SynclineError(
      'INTERNAL',
      `The embedder answered with ${vectors.length} vectors, but one for text ${index} is needed.`,
    );
  }
  return vector;
}
