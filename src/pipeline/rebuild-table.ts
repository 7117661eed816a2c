import type { ConfigurationRecord, GenerationRecord } from '../catalog/catalog.ts';
import { isSynclineError, SynclineError, throwIfAborted } from '../domain/errors.ts';
import { collectGenerations, removeGeneration } from './collect-generations.ts';
import { compareRows } from './compare-rows.ts';
import { cutUncut, wantedConfigurations } from './cut-uncut.ts';
import { createDamageList } from './damage.ts';
import { dueRebuild, refreshDataset } from './due-rebuild.ts';
import { embedConfiguration } from './embed-pending.ts';
import { careFor } from './maintain-table.ts';
import { beginGeneration, openGeneration, originOf, tableSpec } from './open-generation.ts';
import { settleTable } from './settle-table.ts';
import type { DatasetWork, OpenGeneration } from './work.ts';
import { COMMITS_BETWEEN_LOOKS, writeBatch } from './write-ready.ts';

/** Rounds of cutting, embedding and writing, with new changes held off, after which nothing can be missing any more. */
const CATCH_UP_ROUNDS_MAX = 3;

/**
 * Builds a generation from the catalog's embeddings and switches to it in one catalog transaction; readers search the old one
 * until then. Also how a dataset gets its first table, another configuration, and an earlier generation back. What was begun
 * before a crash is gone on with.
 *
 * While a sound table serves, the switch waits until nothing that it holds is missing in the new one: new changes are held
 * off for the moment in which the last ones are embedded. Without a sound table it does not wait: documents whose
 * vectors are not there yet stay queued and follow later.
 */
export async function rebuildTable(work: DatasetWork, reason: string, signal: AbortSignal): Promise<void> {
  await refreshDataset(work);
  const isPlanned = work.serving.current !== undefined;
  const due = isPlanned ? await dueRebuild(work) : { configuration: work.dataset, reason };
  if (due === undefined) return;
  const open = await openBuilding(work, due.configuration, signal);
  if (open === undefined) return;
  await writeAll(work, open, signal);
  // Indexed before it serves: a search reads what no index covers row by row.
  await work.writing.run(() => careFor(work, open));
  await verify(work, open, signal);
  const isServing = await work.applying.run(async () => {
    if (isPlanned) await catchUp(work, due.configuration, open, signal);
    return work.writing.run(() => switchTo(work, open, isPlanned, signal));
  });
  if (isServing) work.report({ type: 'rebuilt', reason: due.reason, rows: open.recorded.rowCount });
}

/** The generation that is being built for a configuration, or a new one; `undefined` when that was cancelled meanwhile. */
function openBuilding(
  work: DatasetWork,
  configuration: ConfigurationRecord,
  signal: AbortSignal,
): Promise<OpenGeneration | undefined> {
  const { configurationId } = configuration;
  return work.writing.run(async () => {
    throwIfAborted(signal);
    if (!(await isWanted(work, configurationId))) return undefined;
    const { datasetId } = work.dataset;
    const begun = (await work.catalog.listGenerations(datasetId)).find(
      (generation) => generation.state === 'building' && generation.configurationId === configurationId,
    );
    if (begun !== undefined) {
      const open = await continueBuilding(work, configuration, begun);
      if (open !== undefined) return open;
    }
    // Before the useless one goes: at no moment does it look as if the switch had been cancelled.
    const made = await beginGeneration(work, configurationId);
    if (begun !== undefined) await removeGeneration(work, begun);
    return createTable(work, configuration, made);
  });
}

/** `undefined` when its table is of no use. */
async function continueBuilding(
  work: DatasetWork,
  configuration: ConfigurationRecord,
  generation: GenerationRecord,
): Promise<OpenGeneration | undefined> {
  if (work.tableless.has(generation.generationId)) return createTable(work, configuration, generation);
  try {
    const open = await openGeneration(work, generation);
    if (open === undefined) return undefined;
    await settleTable(work, open);
    return open;
  } catch (error) {
    if (isSynclineError(error, 'TABLE_MISSING', 'TABLE_DAMAGED', 'TABLE_SCHEMA_DIFFERS')) return undefined;
    throw error;
  }
}

/**
 * Only the session that made a generation creates its table: what another worker left unfinished is removed and begun under
 * a new name. So a table that was created after the lease was lost is nobody else's, and is taken away again.
 */
async function createTable(
  work: DatasetWork,
  configuration: ConfigurationRecord,
  generation: GenerationRecord,
): Promise<OpenGeneration> {
  work.tableless.delete(generation.generationId);
  await work.writer.assertLease();
  const origin = await originOf(work, generation, configuration);
  const spec = { ...tableSpec(work.dataset, configuration), origin };
  try {
    const table = await work.store.createTable(generation.tableName, spec);
    const recorded = await table.state();
    await work.writer.recordTable(generation.generationId, recorded);
    return { generation, configuration, table, recorded };
  } catch (error) {
    if (await isNobodys(work, error)) await work.store.dropTable(generation.tableName);
    throw error;
  }
}

/** Whether a table that was created is certainly not recorded, and never will be. An answer that was lost leaves that open. */
async function isNobodys(work: DatasetWork, error: unknown): Promise<boolean> {
  if (isSynclineError(error, 'LEASE_LOST')) return true;
  if (!isSynclineError(error, 'TABLE_MISSING', 'TABLE_DAMAGED', 'TABLE_FAILED')) return false;
  const loss = await work.writer.assertLease().catch((reason: unknown) => reason);
  return isSynclineError(loss, 'LEASE_LOST');
}

async function writeAll(work: DatasetWork, open: OpenGeneration, signal: AbortSignal): Promise<void> {
  while ((await writeBatch(work, open, signal)).length > 0) {
    if (work.unmaintained.commits < COMMITS_BETWEEN_LOOKS) continue;
    work.unmaintained.commits = 0;
    await work.writing.run(() => careFor(work, open, { isMidRun: true }));
  }
}

/**
 * Reads every row back and compares it with the catalog: a table that lacks one, or has one that is not as it was written, never
 * serves. It is dropped, and begun anew under another name.
 */
async function verify(work: DatasetWork, open: OpenGeneration, signal: AbortSignal): Promise<void> {
  const { catalog, writer, dataset } = work;
  const { generationId, configurationId } = open.generation;
  const damage = createDamageList(0);
  const { missing, extra, duplicate, stale } = await open.table.scan(open.recorded.version, (scan) =>
    compareRows({ catalog, generationId, scan, damage, signal }),
  );
  if (damage.lists() !== undefined) return;
  await work.writing.run(async () => {
    await removeGeneration(work, open.generation);
    await writer.createGeneration(dataset.datasetId, configurationId);
  });
  const counts = { missing, extra, duplicate, stale };
  const found = Object.entries(counts).map(([kind, counter]) => `${counter.finding().count} ${kind}`);
  throw new SynclineError(
    'TABLE_FAILED',
    `The new table "${open.table.name}" does not hold what was written to it (${found.join(', ')}). It was dropped and never served; another one is built.`,
    { retryable: true, details: { table: open.table.name } },
  );
}

/** Called with the applying mutex held: no change comes in. */
async function catchUp(
  work: DatasetWork,
  configuration: ConfigurationRecord,
  open: OpenGeneration,
  signal: AbortSignal,
): Promise<void> {
  const { generationId } = open.generation;
  for (let round = 1; ; round += 1) {
    await writeAll(work, open, signal);
    const uncoveredCount = await work.catalog.countUncovered(generationId);
    if (uncoveredCount === 0) return;
    if (round > CATCH_UP_ROUNDS_MAX) throw notCovered(open, uncoveredCount);
    while (await cutUncut(work, signal, { isApplyingHeld: true }));
    await embedConfiguration(work, configuration, signal);
  }
}

async function isWanted(work: DatasetWork, configurationId: number): Promise<boolean> {
  await refreshDataset(work);
  return wantedConfigurations(work).some((wanted) => wanted.configurationId === configurationId);
}

/** Called with both mutexes held. Tells whether it serves now: it may have been cancelled. */
async function switchTo(
  work: DatasetWork,
  open: OpenGeneration,
  isPlanned: boolean,
  signal: AbortSignal,
): Promise<boolean> {
  throwIfAborted(signal);
  const { generationId, configurationId } = open.generation;
  const generations = await work.catalog.listGenerations(work.dataset.datasetId);
  const current = generations.find((generation) => generation.generationId === generationId);
  if (current?.state !== 'building' || !(await isWanted(work, configurationId))) return false;
  // The verification: the table is what was recorded of it, or is put back to that, or is not switched to.
  await settleTable(work, open);
  await work.writer.assertLease();
  await work.store.markServed(open.table.name, work.clock.nowMs());
  await work.writer.switchGeneration(generationId);
  await refreshDataset(work);
  work.serving.current = open;
  const replaced = generations.find((generation) => generation.state === 'serving');
  // A table that could not be trusted is nothing to go back to.
  if (!isPlanned && replaced !== undefined) await removeGeneration(work, replaced);
  await collectGenerations(work);
  return true;
}

function notCovered(open: OpenGeneration, documentCount: number): SynclineError {
  return new SynclineError(
    'TABLE_FAILED',
    `${documentCount} documents that are searchable now are not in the new table "${open.table.name}" yet, because texts of theirs have no vectors. It is switched to when they have.`,
    { retryable: true, details: { table: open.table.name, documentCount } },
  );
}
