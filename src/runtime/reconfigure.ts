import type { Configuration, DatasetRecord } from '../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../domain/address.ts';
import { profileKey } from '../domain/embedding-profile.ts';
import { SynclineError } from '../domain/errors.ts';
import type { EmbeddingPrice } from '../embedders/embedder.ts';
import { type ConfigurationSummary, summarize } from './configuration-summary.ts';
import { type RuntimeCore, requireDataset, withSession } from './core.ts';
import { checkTokensPerChunk } from './dataset-control.ts';
import { type SwitchResult, untilSwitched } from './dataset-tables.ts';
import { chosenProfile, type EmbedderChoice } from './embedder-choice.ts';
import { runTask, type TaskHandle, type TaskOptions } from './task.ts';
import { walkTexts } from './walk-texts.ts';

/** What a dataset is to be changed to; what is left out stays. */
export interface ReconfigureOptions extends TaskOptions {
  /**
   * Who is to embed. Default `runtime`; with `dataset` the model stays and only the chunks change. To embed changes by the
   * present model while the new one is prepared, the runtime needs both; see `moreEmbedders`.
   */
  readonly embedder?: EmbedderChoice;
  /** Hard maximum of tokens of one embedded text; 32 to 8,191. Default: the dataset's. */
  readonly tokensPerChunkMax?: number;
  /**
   * - `sync`: returns when the new table serves;
   * - `async`: returns when the reconfiguration is durably asked for; a started runtime carries it out, else the next `index()`.
   * Default: `async` when the runtime is started, else `sync`.
   */
  readonly mode?: 'sync' | 'async';
}

/** What a reconfiguration would do and cost. Nothing is changed to find out. */
export interface ReconfigurePlan {
  readonly address: string;
  readonly from: ConfigurationSummary;
  readonly to: ConfigurationSummary;
  readonly documentCount: number;
  readonly chunkCount: number;
  /** Distinct texts of these chunks; the next two add up to it. */
  readonly textCount: number;
  /** They have a vector already, from this or another dataset, or imported. */
  readonly knownTextCount: number;
  readonly textsToEmbedCount: number;
  /** Tokens of the texts to embed, counted with cl100k_base. */
  readonly tokensToEmbedCount: number;
  /** What the provider takes for that; `undefined` where its price is not known here. */
  readonly price: (EmbeddingPrice & { readonly totalUsd: number }) | undefined;
  readonly durationMs: number;
}

/** What became of a reconfiguration. */
export interface ReconfigureResult {
  readonly mode: 'sync' | 'async';
  readonly to: ConfigurationSummary;
  /** The table that serves now; `undefined` with `async`. */
  readonly switched: SwitchResult | undefined;
}

/** See {@link Dataset.planReconfigure}. */
export async function planReconfigure(
  core: RuntimeCore,
  address: DatasetAddress,
  options: ReconfigureOptions = {},
): Promise<ReconfigurePlan> {
  const startMs = core.clock.monotonicMs();
  const dataset = await requireDataset(core, address);
  const target = targetOf(core, dataset, options);
  const counts = { documentCount: 0, chunkCount: 0, textCount: 0, knownTextCount: 0 };
  let tokensToEmbedCount = 0;
  for await (const page of walkTexts(core, dataset, target, options.signal)) {
    counts.documentCount += page.documentCount;
    counts.chunkCount += page.chunkCount;
    counts.textCount += page.texts.length;
    for (const { isKnown, tokenCount } of page.texts) {
      if (isKnown) counts.knownTextCount += 1;
      else tokensToEmbedCount += tokenCount;
    }
  }
  // Throws where there is no embedder for it.
  core.embedderFor(target.profile);
  const price = core.prices.priceOf(target.profile);
  return {
    address: formatAddress(address),
    from: summarize(dataset),
    to: summarize(target),
    ...counts,
    textsToEmbedCount: counts.textCount - counts.knownTextCount,
    tokensToEmbedCount,
    price: price && { ...price, totalUsd: (tokensToEmbedCount / 1_000_000) * price.usdPerMillionTokens },
    durationMs: core.clock.monotonicMs() - startMs,
  };
}

/** See {@link Dataset.reconfigure}. */
export function reconfigure(
  core: RuntimeCore,
  address: DatasetAddress,
  options: ReconfigureOptions = {},
): Promise<ReconfigureResult> {
  return withSession(core, options.signal, async ({ writer }, sessionSignal) => {
    const found = await requireDataset(core, address);
    const wanted = targetOf(core, found, options);
    const catalog = await core.catalog();
    const { datasetId } = found;
    const mode = options.mode ?? (core.supervision === undefined ? 'sync' : 'async');
    const work = await core.work().workFor(datasetId);
    // Nothing is switched to between looking and asking.
    const { before, dataset } = await work.writing.run(async () => {
      const generations = await catalog.listGenerations(datasetId);
      const serving = generations.find((generation) => generation.state === 'serving');
      return { before: serving, dataset: await writer.setTarget(datasetId, wanted) };
    });
    const { target } = dataset;
    if (target === undefined) throw sameConfiguration(dataset);
    const to = summarize(target);
    work.dataset = dataset;
    work.changed.ring();
    if (mode === 'async') {
      core.supervision?.tell(datasetId, formatAddress(address), { type: 'dataset.changed' });
      return { mode, to, switched: undefined };
    }
    const startMs = core.clock.monotonicMs();
    const spec = { kind: 'reconfigure', datasetId, signal: sessionSignal, onTask: options.onTask };
    const serving = await runTask(core, writer, spec, (task) =>
      untilSwitched(core, dataset, target.configurationId, before?.generationId, task.signal, () =>
        noteProgress(core, datasetId, task),
      ),
    );
    const durationMs = core.clock.monotonicMs() - startMs;
    const switched = { table: serving.tableName, rowCount: serving.recorded?.rowCount ?? 0, durationMs };
    return { mode, to, switched };
  });
}

async function noteProgress(
  core: RuntimeCore,
  datasetId: number,
  { progress, save }: TaskHandle,
): Promise<void> {
  const { target } = await (await core.catalog()).datasetCounts(datasetId);
  if (target === undefined) return;
  const { ready, pending, failed } = target.chunks;
  Object.assign(progress, { uncutDocuments: target.uncutDocuments, pendingChunks: pending });
  Object.assign(progress, { readyChunks: ready, failedChunks: failed });
  await save();
}

/**
 * The configuration that is asked for.
 *
 * @throws SynclineError `PROFILE_MISMATCH` when the runtime has no such embedder, `INVALID_OPTION` when it is the one that the dataset has.
 */
function targetOf(core: RuntimeCore, dataset: DatasetRecord, options: ReconfigureOptions): Configuration {
  const profile = chosenProfile(core, dataset, options.embedder ?? 'runtime');
  const { limits } = core.embedderFor(profile);
  const wanted = checkTokensPerChunk(options.tokensPerChunkMax ?? dataset.chunking.tokensPerChunkMax);
  const chunking = { tokensPerChunkMax: Math.min(wanted, limits.tokensPerItemMax) };
  const isSame =
    profileKey(profile) === profileKey(dataset.profile) &&
    chunking.tokensPerChunkMax === dataset.chunking.tokensPerChunkMax;
  if (isSame) throw sameConfiguration(dataset);
  return { profile, chunking };
}

function sameConfiguration(dataset: DatasetRecord): SynclineError {
  const { profile, tokensPerChunkMax } = summarize(dataset);
  return new SynclineError(
    'INVALID_OPTION',
    `${formatAddress(dataset.address)} is embedded by ${profile} in chunks of up to ${tokensPerChunkMax} tokens already. Name another embedder or another tokensPerChunkMax; rebuild() makes a new table of what there is.`,
  );
}
