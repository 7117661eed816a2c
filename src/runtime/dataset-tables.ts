import type { DatasetRecord, GenerationRecord } from '../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../domain/address.ts';
import { SynclineError } from '../domain/errors.ts';
import { keptForRollback } from '../pipeline/collect-generations.ts';
import { refreshDataset } from '../pipeline/due-rebuild.ts';
import { beginGeneration } from '../pipeline/open-generation.ts';
import type { DatasetWork } from '../pipeline/work.ts';
import { type RuntimeCore, requireDataset, withActor, withSession } from './core.ts';
import { runTask, type TaskOptions } from './task.ts';
import { waitUntilSwitched } from './wait-until-indexed.ts';

/** Options of {@link Dataset.rebuild}. */
export interface RebuildOptions extends TaskOptions {}

export interface RollbackOptions extends TaskOptions {
  /** Name of an earlier table, as `status().earlierTables` lists them. Default: the newest. */
  readonly table?: string;
}

/** The table that serves after a rebuild, a rollback or a reconfiguration. */
export interface SwitchResult {
  readonly table: string;
  readonly rowCount: number;
  readonly durationMs: number;
}

/** See {@link Dataset.rebuild}. */
export function rebuildDataset(
  core: RuntimeCore,
  address: DatasetAddress,
  options: RebuildOptions = {},
): Promise<SwitchResult> {
  return switchTable(core, address, 'rebuild', options, async (work, { configurationId }, generations) => {
    // Asked for twice, or begun before a crash: one is enough.
    const begun = generations.some(
      (generation) => generation.state === 'building' && generation.configurationId === configurationId,
    );
    if (!begun) await beginGeneration(work, configurationId);
    return configurationId;
  });
}

/** See {@link Dataset.rollback}. */
export function rollbackDataset(
  core: RuntimeCore,
  address: DatasetAddress,
  options: RollbackOptions = {},
): Promise<SwitchResult> {
  return switchTable(core, address, 'rollback', options, async (work, dataset, generations) => {
    refuseWhileSwitching(dataset, generations);
    const earlier = keptForRollback(work, generations);
    const chosen =
      options.table === undefined
        ? earlier[0]
        : earlier.find((generation) => generation.tableName === options.table);
    if (chosen === undefined) throw noEarlierTable(address, earlier, options.table);
    await work.writer.reopenGeneration(chosen.generationId);
    return chosen.configurationId;
  });
}

/** Asks for a switch and waits until it is done. */
function switchTable(
  core: RuntimeCore,
  address: DatasetAddress,
  kind: 'rebuild' | 'rollback',
  options: TaskOptions,
  ask: (
    work: DatasetWork,
    dataset: DatasetRecord,
    generations: readonly GenerationRecord[],
  ) => Promise<number>,
): Promise<SwitchResult> {
  const startMs = core.clock.monotonicMs();
  return withSession(core, options.signal, async ({ writer }, sessionSignal) => {
    const dataset = await requireDataset(core, address);
    const { datasetId } = dataset;
    const spec = { kind, datasetId, signal: sessionSignal, onTask: options.onTask };
    const catalog = await core.catalog();
    const serving = await runTask(core, writer, spec, async ({ signal, progress }) => {
      const work = await core.work().workFor(datasetId);
      // What is decided on is not collected, nor switched to, meanwhile.
      const asked = await work.writing.run(async () => {
        const generations = await catalog.listGenerations(datasetId);
        const before = generations.find((generation) => generation.state === 'serving');
        const now = await requireDataset(core, address);
        return { before, configurationId: await ask(work, now, generations) };
      });
      const { before, configurationId } = asked;
      const generation = await untilSwitched(core, dataset, configurationId, before?.generationId, signal);
      progress.rowCount = generation.recorded?.rowCount ?? 0;
      return generation;
    });
    const rowCount = serving.recorded?.rowCount ?? 0;
    return { table: serving.tableName, rowCount, durationMs: core.clock.monotonicMs() - startMs };
  });
}

/** Waits until a table of the configuration serves that did not serve `before`. */
export function untilSwitched(
  core: RuntimeCore,
  dataset: DatasetRecord,
  configurationId: number,
  before: number | undefined,
  signal: AbortSignal,
  onLook?: () => Promise<void>,
): Promise<GenerationRecord> {
  const { datasetId } = dataset;
  const address = formatAddress(dataset.address);
  return withActor(core, dataset, signal, async (work, attended) => {
    await refreshDataset(work);
    work.changed.ring();
    // Whoever asks for it now does not want to wait for a backoff to end, nor to hear why it was parked.
    core.supervision?.tell(datasetId, address, { type: 'dataset.check' });
    return waitUntilSwitched(
      { datasetId, address, configurationId, before, onLook },
      {
        catalog: await core.catalog(),
        actors: core.actors,
        ...attended,
      },
    );
  });
}

/** @throws SynclineError `DATASET_RECONFIGURING`. */
function refuseWhileSwitching(dataset: DatasetRecord, generations: readonly GenerationRecord[]): void {
  const isBuilding = generations.some((generation) => generation.state === 'building');
  if (dataset.target === undefined && !isBuilding) return;
  throw new SynclineError(
    'DATASET_RECONFIGURING',
    `A new table is being built for ${formatAddress(dataset.address)}. Wait until it serves, or cancel that with cancelSwitch().`,
  );
}

function noEarlierTable(
  address: DatasetAddress,
  earlier: readonly GenerationRecord[],
  wanted: string | undefined,
): SynclineError {
  const names = earlier.map((generation) => generation.tableName);
  const kept = names.length === 0 ? 'none is kept' : `kept are ${names.join(', ')}`;
  const which = wanted === undefined ? 'an earlier table' : `the table "${wanted}"`;
  return new SynclineError(
    'NO_EARLIER_TABLE',
    `${formatAddress(address)} cannot go back to ${which}: ${kept}. How many are kept, and how long, is set by generationsKeptMax and generationKeptMs.`,
    { details: { tables: names } },
  );
}

/** See {@link Dataset.cancelSwitch}. */
export function cancelSwitch(core: RuntimeCore, address: DatasetAddress): Promise<{ cancelled: boolean }> {
  return withSession(core, undefined, async ({ writer }, signal) => {
    const dataset = await requireDataset(core, address);
    const { datasetId } = dataset;
    const generations = await (await core.catalog()).listGenerations(datasetId);
    const has = (wanted: GenerationRecord['state']) => generations.some(({ state }) => state === wanted);
    const cancelled = dataset.target !== undefined || (has('serving') && has('building'));
    if (!cancelled) return { cancelled };
    const { writing } = await core.work().workFor(datasetId);
    // Between a table's creation and its record, or while it is switched to, nothing is cancelled.
    await writing.run(() => writer.cancelTarget(datasetId));
    // Its actor looks at the table anew and collects what was begun.
    await withActor(core, dataset, signal, async (work) => {
      await refreshDataset(work);
      work.changed.ring();
      core.supervision?.tell(datasetId, formatAddress(address), { type: 'dataset.check' });
    });
    return { cancelled };
  });
}
