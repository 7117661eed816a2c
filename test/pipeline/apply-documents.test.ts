import { afterAll, beforeAll, expect, test } from 'bun:test';
import type { Catalog, CatalogWriter, DatasetRecord } from '../../src/catalog/catalog.ts';
import { openCatalog } from '../../src/catalog/open-catalog.ts';
import { type PreparedDocument, prepareDocument } from '../../src/domain/document.ts';
import { applyDocuments, prepareBatch } from '../../src/pipeline/apply-documents.ts';
import { chunkIncoming } from '../../src/pipeline/chunk-incoming.ts';
import { createInFlightTexts } from '../../src/pipeline/in-flight-texts.ts';
import { OPEN_GATE } from '../../src/pipeline/spend-gate.ts';
import { createDatasetWork, type DatasetWork, DEFAULT_PIPELINE_SETTINGS } from '../../src/pipeline/work.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';

const signal = new AbortController().signal;

let folder: TempDir;
let catalog: Catalog;
let writer: CatalogWriter;
let datasetCount = 0;

beforeAll(async () => {
  folder = makeTempDir();
  catalog = await openCatalog({ url: folder.join('catalog.db'), access: 'readWrite' });
  const lease = await catalog.acquireLease({
    holderId: 'test',
    pid: 1,
    host: 'h',
    startedAtMs: 0,
    ttlMs: 60_000,
  });
  if (!lease.granted) throw new Error('The lease is taken.');
  await catalog.migrate();
  writer = catalog.writer(lease.token);
});

afterAll(async () => {
  await catalog.close();
  folder.remove();
});

/** The work of a new dataset, as far as taking in documents needs it. */
async function makeWork(): Promise<DatasetWork> {
  datasetCount += 1;
  const dataset: DatasetRecord = await writer.createDataset({
    address: { project: 'p', dataset: `d${datasetCount}` },
    profile: { provider: 'fake', model: 'fake', dimensions: 2, templateVersion: 1 },
    fields: {},
    chunking: { tokensPerChunkMax: 100 },
  });
  const unused = (): never => {
    throw new Error('Not needed here.');
  };
  return createDatasetWork({
    dataset,
    catalog,
    writer,
    store: {
      openTable: unused,
      createTable: unused,
      dropTable: unused,
      tableNames: unused,
      newestVersion: unused,
      inspectTable: unused,
      markServed: unused,
      close: unused,
    },
    leaseSinceMs: 0,
    settings: DEFAULT_PIPELINE_SETTINGS,
    clock: systemClock,
    inFlightTexts: createInFlightTexts(),
    embedderFor: unused,
    priceOf: () => undefined,
    spend: OPEN_GATE,
    report: () => undefined,
    scheduleMaintenance: unused,
    scheduleLook: unused,
    onJob: unused,
  });
}

function documentOf(content: string): PreparedDocument {
  return prepareDocument({ key: 'a', content }, { fields: {}, contentLengthMax: 1_000 });
}

const batchOf = (content: string) => ({ documents: [documentOf(content)], deletions: [] });

async function storedContent(work: DatasetWork): Promise<string | undefined> {
  const texts = ['one', 'two', 'three'];
  const [stored] = await catalog.findDocuments(work.dataset.datasetId, [{ source: 'default', key: 'a' }]);
  return texts.find((text) =>
    Buffer.from(documentOf(text).contentHash).equals(stored?.contentHash ?? Buffer.of()),
  );
}

/** Holds the turn to apply until it is told to let go. */
function holdTurn(work: DatasetWork): () => void {
  const gate = Promise.withResolvers<void>();
  void work.applying.run(() => gate.promise);
  return gate.resolve;
}

test('a queued change that a newer direct one has replaced is not applied over it', async () => {
  const work = await makeWork();
  await writer.enqueueIncoming(work.dataset.datasetId, [{ kind: 'upsert', document: documentOf('one') }]);
  const newer = await prepareBatch(work, batchOf('two'));
  const letGo = holdTurn(work);
  const applied = applyDocuments(work, newer);
  // The stage reads the queued change while the newer one still waits for its turn.
  const chunked = chunkIncoming(work, signal);
  await catalog.listIncoming(work.dataset.datasetId, 1);
  await catalog.listIncoming(work.dataset.datasetId, 1);
  letGo();
  await applied;
  await chunked;
  expect(await storedContent(work)).toBe('two');
});

test('a queued change of a document that was deleted meanwhile does not bring it back', async () => {
  const work = await makeWork();
  await applyDocuments(work, await prepareBatch(work, batchOf('one')));
  await writer.enqueueIncoming(work.dataset.datasetId, [{ kind: 'upsert', document: documentOf('two') }]);
  const deletion = await prepareBatch(work, {
    documents: [],
    deletions: [{ source: 'default', key: 'a' }],
  });
  const letGo = holdTurn(work);
  const applied = applyDocuments(work, deletion);
  const chunked = chunkIncoming(work, signal);
  await catalog.listIncoming(work.dataset.datasetId, 1);
  await catalog.listIncoming(work.dataset.datasetId, 1);
  letGo();
  await applied;
  await chunked;
  expect(await storedContent(work)).toBeUndefined();
});

test('what was unchanged when it was prepared is compared again when another change came in between', async () => {
  const work = await makeWork();
  await applyDocuments(work, await prepareBatch(work, batchOf('one')));
  const before = await prepareBatch(work, batchOf('two'));
  const after = await prepareBatch(work, batchOf('one'));
  await applyDocuments(work, before);
  expect(await applyDocuments(work, after)).toMatchObject({ changed: 1, unchanged: 0 });
  expect(await storedContent(work)).toBe('one');
});
