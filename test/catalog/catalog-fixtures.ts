import type { CatalogWriter, DatasetRecord, DatasetSpec, DocumentChange } from '../../src/catalog/catalog.ts';
import type { SqlCatalog } from '../../src/catalog/sql-catalog.ts';
import type { PreparedChunk } from '../../src/domain/chunk.ts';
import { diffChunks } from '../../src/domain/chunk-diff.ts';
import { type PreparedDocument, prepareDocument } from '../../src/domain/document.ts';
import { renderEmbeddedText } from '../../src/domain/embedded-text.ts';
import { rowFingerprint } from '../../src/domain/fingerprint.ts';
import { sha256 } from '../../src/domain/hash.ts';

export const DIMENSIONS = 4;

export const SPEC: DatasetSpec = {
  address: { project: 'docs', dataset: 'site' },
  profile: { provider: 'local', model: 'hash', dimensions: DIMENSIONS, templateVersion: 1 },
  fields: { year: 'integer' },
  chunking: { tokensPerChunkMax: 128 },
};

export const LEASE = { holderId: 'one', pid: 11, host: 'host-a', startedAtMs: 1_000, ttlMs: 60_000 };

/** A document whose paragraphs (separated by "|") are its chunks; the title is their context. */
export function documentOf(
  key: string,
  content: string,
  more: { readonly title?: string; readonly metadata?: Record<string, string | number> } = {},
): PreparedDocument {
  return prepareDocument({ key, content, ...more }, { fields: {}, contentLengthMax: 100_000_000 });
}

export function chunksOf({ content, title }: PreparedDocument): PreparedChunk[] {
  let start = 0;
  const parts = content === '' ? [] : content.split(/(?<=\|)/);
  return parts.map((part, ordinal) => {
    const piece = { start, end: start + part.length, context: title, tokenCount: part.length };
    start = piece.end;
    return { ...piece, ordinal, textHash: sha256(renderEmbeddedText(title, part)) };
  });
}

/** The change that brings a document into the catalog, decided against what is stored. */
export async function changeTo(
  catalog: SqlCatalog,
  { datasetId, configurationId }: Pick<DatasetRecord, 'datasetId' | 'configurationId'>,
  document: PreparedDocument,
): Promise<DocumentChange> {
  const [stored] = await catalog.findDocuments(datasetId, [document]);
  const chunks =
    stored === undefined
      ? []
      : (await catalog.listChunks(configurationId, [stored.documentId])).get(stored.documentId);
  return {
    kind: 'upsert',
    document,
    diff: diffChunks(chunks ?? [], chunksOf(document)),
    contentChanged: stored === undefined || !Buffer.from(stored.contentHash).equals(document.contentHash),
  };
}

/** A writer on a migrated catalog with one dataset and its serving generation. */
export interface Stage {
  readonly catalog: SqlCatalog;
  readonly writer: CatalogWriter;
  readonly token: number;
  readonly dataset: DatasetRecord;
  readonly generationId: number;
}

export async function takeLease(catalog: SqlCatalog, request = LEASE): Promise<number> {
  const answer = await catalog.acquireLease(request);
  if (!answer.granted) throw new Error(`The lease is held by ${answer.holder.holderId}.`);
  return answer.token;
}

export async function setStage(catalog: SqlCatalog): Promise<Stage> {
  const token = await takeLease(catalog);
  await catalog.migrate();
  const writer = catalog.writer(token);
  const dataset = await writer.createDataset(SPEC);
  const { generationId } = await writer.createGeneration(dataset.datasetId, dataset.configurationId);
  await writer.switchGeneration(generationId);
  return { catalog, writer, token, dataset, generationId };
}

/** Applies documents as an ingest does. */
export async function put(stage: Stage, ...documents: PreparedDocument[]): Promise<void> {
  const { datasetId, configurationId } = stage.dataset;
  const changes = await Promise.all(
    documents.map((document) => changeTo(stage.catalog, stage.dataset, document)),
  );
  await stage.writer.applyDocuments(datasetId, configurationId, changes);
}

export async function remove(stage: Stage, ...keys: string[]): Promise<void> {
  await stage.writer.applyDocuments(
    stage.dataset.datasetId,
    stage.dataset.configurationId,
    keys.map((key) => ({ kind: 'delete', key: { source: 'default', key } })),
  );
}

export async function pending(
  stage: Stage,
  page: { readonly afterChunkId?: number; readonly limit?: number } = {},
) {
  return stage.catalog.listPendingChunks(stage.dataset.configurationId, {
    afterChunkId: page.afterChunkId ?? 0,
    limit: page.limit ?? 1_000,
    textLengthMax: 1_000_000,
  });
}

/** A vector that tells which text it is of. */
export function vectorOf(textHash: Uint8Array): Float32Array {
  return Float32Array.from({ length: DIMENSIONS }, (_, index) => (textHash[index] ?? 0) / 256);
}

/** Embeds everything that is pending. */
export async function embedAll(stage: Stage): Promise<void> {
  const chunks = await pending(stage);
  await stage.writer.storeEmbeddings(
    stage.dataset.profileId,
    chunks.map(({ textHash }) => ({ textHash, vector: vectorOf(textHash) })),
  );
}

/** Writes one answer of queued documents, as a table would take them, and marks them. Returns what was written. */
export async function writeOnce(stage: Stage, version = 1) {
  const { generationId } = stage;
  const documents = await stage.catalog.listWritableDocuments(generationId, { chunkCountMax: 1_000 });
  await stage.writer.markIndexed({
    generationId,
    version,
    rowCount: version * 10,
    documents: documents.map(({ documentId, revision, metadataHash, chunks }) => ({
      documentId,
      revision,
      rows: chunks.map(({ chunkId, textHash }) => ({
        chunkId,
        fingerprint: rowFingerprint(chunkId, textHash, metadataHash),
      })),
    })),
  });
  return documents;
}

/** Writes until nothing more can be written. */
export async function writeAll(stage: Stage): Promise<void> {
  while ((await writeOnce(stage)).length > 0);
}
