import { SynclineError } from '../domain/errors.ts';
import type { Catalog, CatalogWriter, LeaseRequest } from './catalog.ts';
import { BOOTSTRAP_VERSION, MIGRATIONS, type Migration } from './migrations.ts';
import { applyDocuments, dropIncoming } from './rooms/apply-documents.ts';
import { batchReads, batchWrites } from './rooms/batch-room.ts';
import { lastIds, raiseIds, readIdentity } from './rooms/catalog-ids.ts';
import {
  applyChunks,
  cancelTarget,
  forgetConfigurations,
  forgetOrphanedChunks,
  setTarget,
} from './rooms/configurations.ts';
import { beginRun, chargeQueries, listCosts, runCostUsd, spentToday } from './rooms/costs.ts';
import { deleteDataset } from './rooms/dataset-deletion.ts';
import {
  createDataset,
  datasetBacklog,
  datasetCounts,
  ensureProfile,
  findConfiguration,
  findDataset,
  listDatasets,
  listProjects,
  requestDatasetDeletion,
} from './rooms/datasets.ts';
import { listDocumentChunks } from './rooms/document-chunks.ts';
import { findDocument, listDocuments } from './rooms/document-records.ts';
import { findDocuments, listChunks } from './rooms/documents.ts';
import { recordTextFailures, storeEmbeddings } from './rooms/embeddings.ts';
import { listFailedChunks, retryFailedChunks } from './rooms/failed-chunks.ts';
import {
  countUncovered,
  createGeneration,
  forgetGeneration,
  listAllGenerations,
  listGenerations,
  recordTable,
  reopenGeneration,
  requestGenerationDrop,
  switchGeneration,
} from './rooms/generations.ts';
import { createImporter } from './rooms/import-documents.ts';
import { enqueueIncoming, findIncoming, listIncoming } from './rooms/incoming.ts';
import { markIndexed } from './rooms/index-mark.ts';
import { listWritableDocuments, queueSpan } from './rooms/index-queue.ts';
import { indexingReads, indexingWrites } from './rooms/indexing.ts';
import { acquireLease, holdsLease, readLease, releaseLease, renewLease } from './rooms/lease.ts';
import { datasetOverviews } from './rooms/overviews.ts';
import { listMissingTexts, listPendingChunks, listPendingIds } from './rooms/pending-chunks.ts';
import { listProviderStandings, noteProviderStanding } from './rooms/provider-standings.ts';
import { endSpendHold, listSpendHolds, noteSpendHold } from './rooms/spend-holds.ts';
import { findEmbedded, listContents, listUncutDocuments } from './rooms/stored-contents.ts';
import { beginRepair, requeueUnembedded } from './rooms/sync-repair.ts';
import { findVectors, listIndexedRows, listUnembeddedChunks } from './rooms/sync-rows.ts';
import { closeAbandonedTasks, finishTask, listTasks, startTask, updateTask } from './rooms/tasks.ts';
import { type CatalogSession, createCatalogSession, type VersionChange } from './session.ts';
import type { SqlDriver } from './sql-driver.ts';

/** A catalog that can also be taken back a version. */
export interface SqlCatalog extends Catalog {
  /**
   * Takes back the newest migration, with everything that was stored in what it made.
   *
   * @throws SynclineError `LEASE_HELD` while somebody else works on the catalog, and as {@link Catalog.migrate}.
   */
  revertMigration(): Promise<VersionChange>;
}

/**
 * The catalog over a driver. Opens nothing by itself: {@link Catalog.migrate} creates or updates it, everything else
 * needs it to have this code's version (`CATALOG_MISSING`, `CATALOG_OUTDATED`, `CATALOG_NEWER`).
 *
 * @param migrations - Only tests give others than the released ones.
 */
export function createSqlCatalog(
  driver: SqlDriver,
  migrations: readonly Migration[] = MIGRATIONS,
): SqlCatalog {
  const session = createCatalogSession(driver, migrations);
  return {
    location: driver.location,
    ...schemaSide(session, migrations.length),
    ...readingSide(session),
    writer: (token) => writingSide(session, token),
    importer: (token) => createImporter(session, token),
    close: () => driver.close(),
  };
}

/** The lease and the migrations: what must not happen while another worker is at work. */
function schemaSide(
  session: CatalogSession,
  newestVersion: number,
): Pick<
  SqlCatalog,
  'isCreated' | 'migrate' | 'revertMigration' | 'acquireLease' | 'renewLease' | 'releaseLease' | 'readLease'
> {
  const { driver } = session;
  let ownToken: number | undefined;

  /** A catalog under a worker keeps its schema: the worker's code would meet tables it does not know. */
  async function refuseWhileHeld(): Promise<void> {
    const holder = await readLease(session);
    if (holder === undefined || holder.token === ownToken) return;
    throw new SynclineError(
      'LEASE_HELD',
      `The catalog ${driver.location} is in use by process ${holder.pid} on ${holder.host}. Stop it, then migrate.`,
      { details: { holder: { ...holder } } },
    );
  }

  return {
    // Nothing is stored before the second migration; the first makes the lease.
    isCreated: async () => (await session.version()) > BOOTSTRAP_VERSION,
    async migrate() {
      const version = await session.version();
      const isCreated = version > BOOTSTRAP_VERSION;
      if (isCreated && version < newestVersion) await refuseWhileHeld();
      return session.migrateTo(newestVersion);
    },
    async revertMigration() {
      await refuseWhileHeld();
      return session.revertNewest();
    },
    async acquireLease(request: LeaseRequest) {
      const answer = await acquireLease(session, request);
      if (answer.granted) {
        ownToken = answer.token;
        await driver.setCheckpointing(true);
      }
      return answer;
    },
    async renewLease(token: number, ttlMs: number) {
      const isOurs = await renewLease(driver, token, ttlMs);
      if (!isOurs) await driver.setCheckpointing(false);
      return isOurs;
    },
    async releaseLease(token: number) {
      // While the lease is still held: nobody else writes now.
      await driver.checkpoint();
      await driver.setCheckpointing(false);
      await releaseLease(driver, token);
    },
    async readLease() {
      const lease = await readLease(session);
      if (lease === undefined) return undefined;
      const { token: _, ...holder } = lease;
      return holder;
    },
  };
}

function readingSide(session: CatalogSession) {
  return {
    ...indexingReads(session),
    ...batchReads(session),
    identity: () => readIdentity(session),
    lastIds: () => lastIds(session),
    findDataset: (address) => findDataset(session, address),
    listDatasets: (page) => listDatasets(session, page),
    listProjects: (page) => listProjects(session, page),
    datasetCounts: (datasetId) => datasetCounts(session, datasetId),
    datasetOverviews: (datasetIds) => datasetOverviews(session, datasetIds),
    datasetBacklog: (datasetId) => datasetBacklog(session, datasetId),
    findDocuments: (datasetId, keys) => findDocuments(session, datasetId, keys),
    listDocuments: (datasetId, page) => listDocuments(session, datasetId, page),
    findDocument: (datasetId, key) => findDocument(session, datasetId, key),
    listChunks: (configurationId, documentIds) => listChunks(session, configurationId, documentIds),
    listDocumentChunks: (documentId, page) => listDocumentChunks(session, documentId, page),
    listUncutDocuments: (configurationId, limit) => listUncutDocuments(session, configurationId, limit),
    listContents: (datasetId, page) => listContents(session, datasetId, page),
    findEmbedded: (profile, textHashes) => findEmbedded(session, profile, textHashes),
    listFailedChunks: (datasetId, page, filter) => listFailedChunks(session, datasetId, page, filter),
    findIncoming: (datasetId, keys) => findIncoming(session, datasetId, keys),
    listIncoming: (datasetId, limit) => listIncoming(session, datasetId, limit),
    listPendingChunks: (configurationId, page) => listPendingChunks(session, configurationId, page),
    listPendingIds: (configurationId, page) => listPendingIds(session, configurationId, page),
    listAllGenerations: (page) => listAllGenerations(session, page),
    findConfiguration: (configurationId) => findConfiguration(session, configurationId),
    listGenerations: (datasetId) => listGenerations(session, datasetId),
    listWritableDocuments: (generationId, page) =>
      listWritableDocuments(session, generationId, page.chunkCountMax),
    countUncovered: (generationId) => countUncovered(session, generationId),
    queueSpan: (datasetId) => queueSpan(session, datasetId),
    listIndexedRows: (generationId, page) => listIndexedRows(session, generationId, page),
    findVectors: (generationId, chunkIds) => findVectors(session, generationId, chunkIds),
    listUnembeddedChunks: (generationId, afterChunkId) =>
      listUnembeddedChunks(session, generationId, afterChunkId),
    listTasks: (page) => listTasks(session, page),
    listCosts: (query) => listCosts(session, query),
    listMissingTexts: (configurationId, page) => listMissingTexts(session, configurationId, page),
    spentToday: () => spentToday(session),
    runCostUsd: (datasetId) => runCostUsd(session, datasetId),
    listSpendHolds: () => listSpendHolds(session),
    chargeQueries: (charges) => chargeQueries(session, charges),
    listProviderStandings: () => listProviderStandings(session),
  } satisfies Partial<Catalog>;
}

function writingSide(session: CatalogSession, token: number): CatalogWriter {
  return {
    ...indexingWrites(session, token),
    ...batchWrites(session, token),
    async assertLease() {
      if (await holdsLease(session.driver, token)) return;
      throw new SynclineError(
        'LEASE_LOST',
        `The lease on the catalog ${session.driver.location} is no longer held: another worker has taken over.`,
      );
    },
    createDataset: (spec) => createDataset(session, token, spec),
    requestDatasetDeletion: (datasetId) => requestDatasetDeletion(session, token, datasetId),
    deleteDataset: (datasetId) => deleteDataset(session, token, datasetId),
    enqueueIncoming: (datasetId, changes) => enqueueIncoming(session, token, datasetId, changes),
    setTarget: (datasetId, target) => setTarget(session, token, datasetId, target),
    cancelTarget: (datasetId) => cancelTarget(session, token, datasetId),
    forgetConfigurations: (datasetId) => forgetConfigurations(session, token, datasetId),
    forgetOrphanedChunks: () => forgetOrphanedChunks(session, token),
    applyChunks: (configurationId, changes, usdPerMillionTokens) =>
      applyChunks(session, token, configurationId, changes, usdPerMillionTokens),
    applyDocuments(datasetId, configurationId, changes, { incomingIds = [], usdPerMillionTokens } = {}) {
      const place = { datasetId, configurationId, usdPerMillionTokens };
      return applyDocuments(session, token, place, changes, incomingIds);
    },
    dropIncoming: (datasetId, incomingIds) => dropIncoming(session, token, datasetId, incomingIds),
    raiseIds: (ids) => raiseIds(session, token, ids),
    ensureProfile: (profile) => ensureProfile(session, token, profile),
    storeEmbeddings: (profileId, embeddings, options) =>
      storeEmbeddings(session, token, profileId, embeddings, options),
    recordTextFailures: (profileId, failures) => recordTextFailures(session, token, profileId, failures),
    retryFailedChunks: (datasetId, filter) => retryFailedChunks(session, token, datasetId, filter),
    createGeneration: (datasetId, configurationId, options) =>
      createGeneration(session, token, { datasetId, configurationId, nameSuffix: options?.nameSuffix ?? '' }),
    reopenGeneration: (generationId) => reopenGeneration(session, token, generationId),
    recordTable: (generationId, state) => recordTable(session, token, generationId, state),
    beginRepair: (generationId, version, documentIds) =>
      beginRepair(session, token, { generationId, version }, documentIds),
    requeueUnembedded: (generationId, chunkIds) => requeueUnembedded(session, token, generationId, chunkIds),
    markIndexed: (mark) => markIndexed(session, token, mark),
    switchGeneration: (generationId) => switchGeneration(session, token, generationId),
    requestGenerationDrop: (generationId) => requestGenerationDrop(session, token, generationId),
    forgetGeneration: (generationId) => forgetGeneration(session, token, generationId),
    beginRun: (datasetId) => beginRun(session, token, datasetId),
    noteSpendHold: (hold) => noteSpendHold(session, token, hold),
    endSpendHold: (datasetId) => endSpendHold(session, token, datasetId),
    noteProviderStanding: (standing) => noteProviderStanding(session, token, standing),
    startTask: (task) => startTask(session, token, task),
    updateTask: (taskId, progress) => updateTask(session, token, taskId, progress),
    finishTask: (taskId, result) => finishTask(session, token, taskId, result),
    closeAbandonedTasks: () => closeAbandonedTasks(session, token),
  };
}
