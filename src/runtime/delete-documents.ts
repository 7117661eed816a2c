import type { Catalog, DatasetRecord } from '../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../domain/address.ts';
import { type DocumentKey, documentMapKey, prepareKey } from '../domain/document.ts';
import { type FieldValue, fieldValues } from '../domain/fields.ts';
import { type Filter, parseFilter } from '../domain/filter.ts';
import { matchesFilter } from '../domain/match-filter.ts';
import type { Metadata } from '../domain/metadata.ts';
import { prepareBatch } from '../pipeline/apply-documents.ts';
import { applyBatch } from './apply-batches.ts';
import { type RuntimeCore, requireDataset, withActor, withSession } from './core.ts';
import type { DeleteDocumentsResult } from './dataset.ts';
import { DOCUMENTS_PER_BATCH } from './dataset-documents.ts';
import { runTask, type TaskOptions } from './task.ts';
import { waitUntilIndexed } from './wait-until-indexed.ts';

/** See {@link Dataset.deleteDocuments}. */
export function deleteDocuments(
  core: RuntimeCore,
  address: DatasetAddress,
  keys: Iterable<string | { readonly source?: string; readonly key: string }>,
  options: TaskOptions = {},
): Promise<DeleteDocumentsResult> {
  return deleteInBatches(core, address, async () => keyBatches(keys), options);
}

/** See {@link Dataset.deleteMatching}. */
export function deleteMatching(
  core: RuntimeCore,
  address: DatasetAddress,
  filter: Filter,
  options: TaskOptions = {},
): Promise<DeleteDocumentsResult> {
  return deleteInBatches(
    core,
    address,
    async (dataset) => matchingBatches(await core.catalog(), dataset, parseFilter(filter, dataset.fields)),
    options,
  );
}

type KeyBatches = Iterable<DocumentKey[]> | AsyncIterable<DocumentKey[]>;

function deleteInBatches(
  core: RuntimeCore,
  address: DatasetAddress,
  choose: (dataset: DatasetRecord) => Promise<KeyBatches>,
  options: TaskOptions,
): Promise<DeleteDocumentsResult> {
  return withSession(core, options.signal, async ({ writer }, sessionSignal) => {
    const dataset = await requireDataset(core, address);
    const chosen = await choose(dataset);
    const { datasetId } = dataset;
    const name = formatAddress(address);
    const spec = { kind: 'deleteDocuments', datasetId, signal: sessionSignal, onTask: options.onTask };
    return runTask(core, writer, spec, ({ signal, progress, save }) =>
      withActor(core, dataset, signal, async (work, attended) => {
        const counts = { addedCount: 0, changedCount: 0, unchangedCount: 0 };
        let removedCount = 0;
        for await (const deletions of chosen) {
          const batch = await prepareBatch(work, { documents: [], deletions }, signal);
          const run = { core, work, attended, address: name, task: { signal }, counts };
          removedCount += (await applyBatch(run, batch)).removed;
          progress.removedCount = removedCount;
          await save();
        }
        const catalog = await core.catalog();
        await waitUntilIndexed(datasetId, name, { catalog, actors: core.actors, ...attended });
        return { removedCount };
      }),
    );
  });
}

function* keyBatches(
  keys: Iterable<string | { readonly source?: string; readonly key: string }>,
): Generator<DocumentKey[]> {
  let batch = new Map<string, DocumentKey>();
  for (const key of keys) {
    const prepared = prepareKey(typeof key === 'string' ? { key } : key);
    batch.set(documentMapKey(prepared), prepared);
    if (batch.size < DOCUMENTS_PER_BATCH) continue;
    yield [...batch.values()];
    batch = new Map();
  }
  if (batch.size > 0) yield [...batch.values()];
}

/** Reads the catalog, not the table: what was taken in and is not searchable yet is found as well. */
async function* matchingBatches(
  catalog: Catalog,
  { datasetId, fields }: DatasetRecord,
  filter: Filter,
): AsyncGenerator<DocumentKey[]> {
  for (let afterDocumentId = 0; ; ) {
    const page = await catalog.listDocuments(datasetId, { afterDocumentId, limit: DOCUMENTS_PER_BATCH });
    const last = page.at(-1);
    if (last === undefined) return;
    afterDocumentId = last.documentId;
    const matching = page.filter(({ source, key, title, metadataJson }) => {
      const values: Record<string, FieldValue> = {
        ...fieldValues(fields, JSON.parse(metadataJson) as Metadata),
        source,
        key,
        title,
      };
      return matchesFilter(filter, (field) => values[field] ?? null);
    });
    if (matching.length > 0) yield matching.map(({ source, key }) => ({ source, key }));
  }
}
