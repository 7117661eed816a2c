import type { Catalog, ConfigurationRecord, DatasetRecord, GenerationRecord } from '../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../domain/address.ts';
import { type Price, usdOf } from '../domain/cost.ts';
import { profileKey } from '../domain/embedding-profile.ts';
import { isSynclineError, SynclineError } from '../domain/errors.ts';
import type { Account } from '../pipeline/accounts.ts';
import type { DatasetWork } from '../pipeline/work.ts';
import { type Attended, type RuntimeCore, requireDataset, withActor, withSession } from './core.ts';
import { keepSaving } from './keep-saving.ts';
import { duringRun } from './spend-runs.ts';
import { runTask, type TaskHandle, type TaskOptions } from './task.ts';
import { waitUntilLimit, waitUntilNothingWaits } from './wait-until-indexed.ts';

/** Options of {@link Dataset.backfill}. */
export interface BackfillOptions extends TaskOptions {
  /** Only tell what it would do and cost. Default `false`. */
  readonly dryRun?: boolean;
  /** Texts of one request, at most; the provider may take fewer. Default: as many as it takes. */
  readonly batchSize?: number;
  /** Texts, at most; the next call goes on after them. Default: all. */
  readonly limit?: number;
  /** Also those that were given up: they get another round of attempts. Default `false`. */
  readonly retryFailed?: boolean;
  /** What it may cost, in US dollars. Default: the option `spend.usdPerRunMax`. */
  readonly usdMax?: number;
}

/** What {@link Dataset.backfill} would do, with `dryRun`. */
export interface BackfillPlan {
  /** `project/dataset`. */
  readonly address: string;
  /** `provider/model@dimensions tN`. */
  readonly profile: string;
  /** Why that provider: one sentence. */
  readonly reason: string;
  /** Chunks without a vector: pending ones, and with `retryFailed` those that were given up. */
  readonly chunkCount: number;
  /** Documents that wait to be cut: what they need is known afterwards. */
  readonly uncutDocumentCount: number;
  /** Distinct texts that would be embedded, after `limit`. */
  readonly textCount: number;
  readonly tokenCount: number;
  readonly requestCount: number;
  /** `undefined` where it is not known. */
  readonly price: (Price & { readonly totalUsd: number }) | undefined;
  /** At the rate of the last seven days; `undefined` when nothing was embedded in them. */
  readonly estimatedMs: number | undefined;
}

/** What {@link Dataset.backfill} has done. */
export interface BackfillResult {
  /** Failed chunks that were given another round. */
  readonly retriedCount: number;
  readonly embeddedCount: number;
  /** Texts that their provider refused for good. */
  readonly givenUpCount: number;
  readonly tokensCharged: number;
  /** `undefined` where a price is not known. */
  readonly costUsd: number | undefined;
  /** Chunks that still have no vector, without those that were given up. */
  readonly remainingCount: number;
  readonly durationMs: number;
}

const TEXTS_PER_PAGE = 5_000;
/** How far back the rate is looked for. */
const RATE_DAYS = 7;

/** See {@link Dataset.backfill}. */
export function backfill(
  core: RuntimeCore,
  address: DatasetAddress,
  options: BackfillOptions & { readonly dryRun: true },
): Promise<BackfillPlan>;
export function backfill(
  core: RuntimeCore,
  address: DatasetAddress,
  options?: BackfillOptions & { readonly dryRun?: false },
): Promise<BackfillResult>;
export function backfill(
  core: RuntimeCore,
  address: DatasetAddress,
  options?: BackfillOptions,
): Promise<BackfillPlan | BackfillResult>;
export async function backfill(
  core: RuntimeCore,
  address: DatasetAddress,
  options: BackfillOptions = {},
): Promise<BackfillPlan | BackfillResult> {
  for (const name of ['batchSize', 'limit'] as const) {
    const value = options[name];
    if (value === undefined || (Number.isInteger(value) && value >= 1)) continue;
    throw new SynclineError('INVALID_OPTION', `${name} is ${value}; give a whole number from 1 on.`, {
      details: { option: name },
    });
  }
  return options.dryRun ? planBackfill(core, address, options) : fill(core, address, options);
}

async function planBackfill(
  core: RuntimeCore,
  address: DatasetAddress,
  { batchSize, limit = Number.POSITIVE_INFINITY, retryFailed = false }: BackfillOptions,
): Promise<BackfillPlan> {
  const dataset = await requireDataset(core, address);
  const catalog = await core.catalog();
  const counts = await catalog.datasetCounts(dataset.datasetId);
  // On the way to another model, it is that whose vectors are missing.
  const configuration = dataset.target ?? dataset;
  const { pending, failed } = (counts.target ?? counts).chunks;
  const { profile } = configuration;
  const { limits } = core.embedderFor(profile);
  const itemsMax = Math.min(limits.itemsPerRequestMax, batchSize ?? Number.POSITIVE_INFINITY);
  const sums = { textCount: 0, tokenCount: 0, requestCount: 0 };
  let request = { items: 0, tokens: 0 };
  for await (const tokens of missingTexts(catalog, configuration, retryFailed)) {
    if (sums.textCount >= limit) break;
    const isFull = request.items >= itemsMax || request.tokens + tokens > limits.tokensPerRequestMax;
    if (request.items === 0 || isFull) {
      sums.requestCount += 1;
      request = { items: 0, tokens: 0 };
    }
    request = { items: request.items + 1, tokens: request.tokens + tokens };
    sums.textCount += 1;
    sums.tokenCount += tokens;
  }
  const price = core.prices.priceOf(profile);
  const msPerText = await rateSeen(catalog, profileKey(profile));
  return {
    address: formatAddress(address),
    profile: profileKey(profile),
    reason: reasonFor(core, configuration),
    chunkCount: pending + (retryFailed ? failed : 0),
    uncutDocumentCount: counts.incomingDocuments + (counts.target?.uncutDocuments ?? 0),
    ...sums,
    price: price && { ...price, totalUsd: usdOf(sums.tokenCount, price.usdPerMillionTokens) },
    estimatedMs:
      msPerText && Math.ceil((msPerText * sums.textCount) / Math.max(1, limits.requestsInFlightMax)),
  };
}

/** The tokens of each distinct text without a vector. */
async function* missingTexts(
  catalog: Catalog,
  { configurationId }: ConfigurationRecord,
  retryFailed: boolean,
): AsyncGenerator<number> {
  for (const status of retryFailed ? (['pending', 'failed'] as const) : (['pending'] as const)) {
    let afterChunkId = 0;
    for (;;) {
      const page = { status, afterChunkId, limit: TEXTS_PER_PAGE };
      const texts = await catalog.listMissingTexts(configurationId, page);
      for (const { tokenCount } of texts) yield tokenCount;
      const last = texts.at(-1);
      if (last === undefined || texts.length < TEXTS_PER_PAGE) break;
      afterChunkId = last.chunkId;
    }
  }
}

/** Milliseconds of requests that a text took lately; several run at the same time. */
async function rateSeen(catalog: Catalog, profile: string): Promise<number | undefined> {
  const { day } = await catalog.spentToday();
  const query = { by: ['profile', 'mode'], fromDay: day - RATE_DAYS, limit: 10_000 } as const;
  const seen = (await catalog.listCosts(query)).find(
    (record) => record.profile === profile && record.mode === 'direct',
  );
  return seen === undefined || seen.textCount === 0 ? undefined : seen.durationMs / seen.textCount;
}

function reasonFor({ chosen }: RuntimeCore, { profile }: ConfigurationRecord): string {
  const { provider, model, dimensions } = chosen.embedder;
  const isChosen =
    provider === profile.provider && model === profile.model && dimensions === profile.dimensions;
  if (isChosen) return `The dataset’s vectors are made by it. For new datasets: ${chosen.reason}.`;
  return `The dataset’s vectors are made by it; new datasets get another one: ${chosen.reason}.`;
}

function fill(core: RuntimeCore, address: DatasetAddress, options: BackfillOptions): Promise<BackfillResult> {
  const startMs = core.clock.monotonicMs();
  return withSession(core, options.signal, async ({ writer }, sessionSignal) => {
    const dataset = await requireDataset(core, address);
    const { datasetId } = dataset;
    core.embedderFor((dataset.target ?? dataset).profile);
    const work = await core.work().workFor(datasetId);
    const spec = { kind: 'backfill', datasetId, signal: sessionSignal, onTask: options.onTask };
    const counts = await runTask(core, writer, spec, (task) =>
      // One after the other: their limits are not to add up.
      work.backfilling.run(async () => {
        const retriedCount = options.retryFailed ? await writer.retryFailedChunks(datasetId) : 0;
        return { retriedCount, ...(await fillWithActor(core, dataset, work, options, task)) };
      }),
    );
    return { ...counts, durationMs: core.clock.monotonicMs() - startMs };
  });
}

async function fillWithActor(
  core: RuntimeCore,
  dataset: DatasetRecord,
  work: DatasetWork,
  { limit, batchSize, usdMax }: BackfillOptions,
  task: TaskHandle,
): Promise<Omit<BackfillResult, 'retriedCount' | 'durationMs'>> {
  const account = work.accounts.open({ takesRest: true });
  // Set before an actor is woken, which would embed everything.
  work.quota.current = {
    textsLeft: limit ?? Number.POSITIVE_INFINITY,
    itemsPerRequestMax: batchSize ?? Number.POSITIVE_INFINITY,
  };
  const note = (): void => void Object.assign(task.progress, countsOf(account));
  const end = keepSaving(core.clock, () => {
    note();
    return task.save();
  });
  try {
    await withActor(core, dataset, task.signal, (_, attended) =>
      duringRun(core, work, usdMax, () => untilFilled(core, dataset, work, attended)),
    );
    const { pendingChunks } = await (await core.catalog()).datasetBacklog(dataset.datasetId);
    return { ...resultOf(account), remainingCount: pendingChunks };
  } catch (error) {
    if (!isSynclineError(error, 'SPEND_CAP_REACHED')) throw error;
    const { pendingChunks } = await (await core.catalog()).datasetBacklog(dataset.datasetId);
    throw endedByCap(error, { ...resultOf(account), remainingCount: pendingChunks });
  } finally {
    work.quota.current = undefined;
    work.accounts.close(account, { endedWell: false });
    await end();
    note();
    // What is left beyond the limit is the worker's again, where there is one.
    core.supervision?.tell(dataset.datasetId, formatAddress(dataset.address), { type: 'dataset.changed' });
  }
}

/** What was done until then is kept, and told. */
function endedByCap(
  { message, retryable, details }: SynclineError,
  done: Omit<BackfillResult, 'retriedCount' | 'durationMs'>,
): SynclineError {
  const { embeddedCount, remainingCount } = done;
  return new SynclineError(
    'SPEND_CAP_REACHED',
    `${message} Embedded in this run: ${embeddedCount} texts; without a vector still: ${remainingCount} chunks.`,
    { retryable, details: { ...details, ...done } },
  );
}

async function untilFilled(
  core: RuntimeCore,
  dataset: DatasetRecord,
  work: DatasetWork,
  attended: Attended,
): Promise<void> {
  const { datasetId } = dataset;
  const address = formatAddress(dataset.address);
  const catalog = await core.catalog();
  // Whoever asks for it now does not want to wait for a backoff to end, nor to hear why it was parked.
  core.supervision?.tell(datasetId, address, { type: 'dataset.check' });
  const parts = { catalog, actors: core.actors, ...attended };
  if (work.quota.current?.textsLeft === Number.POSITIVE_INFINITY) {
    await waitUntilNothingWaits(work, address, parts);
  } else {
    await waitUntilLimit(work, address, parts, () => hasNothingToWrite(catalog, datasetId));
  }
}

/** Whatever has its vectors is in the tables that take changes. */
async function hasNothingToWrite(catalog: Catalog, datasetId: number): Promise<boolean> {
  const isOpen = ({ state }: GenerationRecord): boolean => state === 'serving' || state === 'building';
  for (const { generationId } of (await catalog.listGenerations(datasetId)).filter(isOpen)) {
    if ((await catalog.listWritableDocuments(generationId, { chunkCountMax: 1 })).length > 0) return false;
  }
  return true;
}

function countsOf(account: Account): Record<string, number> {
  const { embeddedCount, givenUpCount, tokensCharged, costUsd } = resultOf(account);
  return { embeddedCount, givenUpCount, tokensCharged, ...(costUsd !== undefined && { costUsd }) };
}

function resultOf({ counts, isPriced }: Account) {
  const { embeddedCount, givenUpCount, tokensCharged, costUsd } = counts;
  return { embeddedCount, givenUpCount, tokensCharged, costUsd: isPriced ? costUsd : undefined };
}
