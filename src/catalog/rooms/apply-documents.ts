import type { PreparedChunk } from '../../domain/chunk.ts';
import type { ChunkDiff } from '../../domain/chunk-diff.ts';
import { type DocumentKey, documentMapKey, type PreparedDocument } from '../../domain/document.ts';
import { batchesOf } from '../batches.ts';
import type { DocumentChange } from '../catalog.ts';
import type { CatalogSession } from '../session.ts';
import { NOW_MS } from '../sql-clock.ts';
import { type SqlRow, type SqlStatement, statement, statementForEach } from '../sql-driver.ts';
import { BEGIN_REUSE, countReused } from './costs.ts';
import { LEFT_EVERY_TABLE, packHashes, queueNewestChanges } from './queue-sql.ts';

/** Documents of one transaction. */
const DOCUMENTS_PER_TRANSACTION = 250;
/** What a chunk's row weighs besides its context: for bounding a transaction by its bytes. */
const CHUNK_BYTES = 200;

type UpsertChange = Extract<DocumentChange, { kind: 'upsert' }>;

/** Where the chunks of a change belong. */
export interface ChunkPlace {
  readonly datasetId: number;
  readonly configurationId: number;
  /** For telling what it saves that a text is known. */
  readonly usdPerMillionTokens?: number | undefined;
}

/** Applies changes of documents, each of them wholly in one transaction, in order. */
export async function applyDocuments(
  session: CatalogSession,
  token: number,
  place: ChunkPlace,
  changes: readonly DocumentChange[],
  incomingIds: readonly number[],
): Promise<void> {
  const { datasetId } = place;
  const batches = batchesOf(changes, {
    itemsMax: DOCUMENTS_PER_TRANSACTION,
    weightMax: session.driver.writeBytesMax,
    weigh: changeBytes,
    nameOf: (change) => documentMapKey(keyOf(change)),
  });
  if (batches.length === 0) await dropIncoming(session, token, datasetId, incomingIds);
  for (const [index, batch] of batches.entries()) {
    // Waiting changes go with the last transaction: before it, a crash finds them still waiting and does the work again.
    const incoming = index === batches.length - 1 ? [deleteIncoming(datasetId, incomingIds)] : [];
    await session.write(token, [
      statement('insert into dataset_guard values (?)', datasetId),
      ...changeStatements(place, batch),
      ...incoming,
    ]);
  }
}

/** Removes waiting changes that changed nothing. */
export async function dropIncoming(
  session: CatalogSession,
  token: number,
  datasetId: number,
  incomingIds: readonly number[],
): Promise<void> {
  if (incomingIds.length > 0) await session.write(token, [deleteIncoming(datasetId, incomingIds)]);
}

function deleteIncoming(datasetId: number, incomingIds: readonly number[]): SqlStatement {
  return statement(
    'delete from incoming where dataset_id = ? and incoming_id in (select value from json_each(?))',
    datasetId,
    JSON.stringify(incomingIds),
  );
}

function keyOf(change: DocumentChange): DocumentKey {
  return change.kind === 'upsert' ? change.document : change.key;
}

function changeBytes(change: DocumentChange): number {
  if (change.kind === 'delete') return CHUNK_BYTES;
  const { document, diff } = change;
  const chunkCount = diff.added.length + diff.kept.length + diff.removedIds.length;
  return document.content.length + document.metadataJson.length + chunkCount * CHUNK_BYTES;
}

function changeStatements(place: ChunkPlace, changes: readonly DocumentChange[]): SqlStatement[] {
  const { datasetId, configurationId } = place;
  const upserts = changes.filter((change) => change.kind === 'upsert');
  const deletions = changes.filter((change) => change.kind === 'delete');
  const rewritten = upserts.filter(({ contentChanged }) => contentChanged);
  const count = changes.length;
  return [
    statement(
      'update datasets set last_change_seq = last_change_seq + ? where dataset_id = ?',
      count,
      datasetId,
    ),
    ...upsertDocuments(datasetId, upserts, count),
    ...deleteDocuments(datasetId, deletions, count - upserts.length),
    ...ifAny(
      `insert into document_contents (document_id, content)
       select document_id, ?4 from documents where dataset_id = ?1 and source = ?2 and key = ?3
       on conflict (document_id) do update set content = excluded.content`,
      rewritten.map(({ document }) => [datasetId, document.source, document.key, document.content]),
    ),
    ...chunkStatements(place, rewritten),
    ...ifAny(
      `insert into chunk_queue (configuration_id, document_id)
       select c.configuration_id, d.document_id
       from documents d cross join configurations c on c.dataset_id = d.dataset_id and c.configuration_id <> ?4
       where d.dataset_id = ?1 and d.source = ?2 and d.key = ?3
       on conflict do nothing`,
      rewritten.map(({ document }) => [datasetId, document.source, document.key, configurationId]),
    ),
    queueNewestChanges(datasetId, count),
    // Only where no generation exists yet does a deleted document go at once.
    ...ifAny(
      `delete from documents as d where dataset_id = ? and source = ? and key = ? and ${LEFT_EVERY_TABLE}`,
      deletions.map(({ key }) => [datasetId, key.source, key.key]),
    ),
  ];
}

/** The place of the i-th change is the dataset's newest place less the number of changes that follow it. */
function upsertDocuments(datasetId: number, upserts: readonly UpsertChange[], count: number): SqlStatement[] {
  return ifAny(
    `insert into documents (dataset_id, source, key, revision, removed, format, content_length, content_hash,
       metadata_hash, change_seq, changed_at_ms, title, metadata_json)
     values (?1, ?2, ?3, 1, 0, ?4, ?5, ?6, ?7,
       (select last_change_seq - ?8 from datasets where dataset_id = ?1), ${NOW_MS}, ?9, ?10)
     on conflict (dataset_id, source, key) do update set
       revision = revision + 1, removed = 0, format = excluded.format, content_length = excluded.content_length,
       content_hash = excluded.content_hash, metadata_hash = excluded.metadata_hash,
       change_seq = excluded.change_seq, changed_at_ms = excluded.changed_at_ms, title = excluded.title,
       metadata_json = excluded.metadata_json`,
    upserts.map(({ document }, index) => documentArgs(datasetId, document, count - 1 - index)),
  );
}

function documentArgs(datasetId: number, document: PreparedDocument, placesAfter: number): SqlRow {
  return [
    datasetId,
    document.source,
    document.key,
    document.format,
    document.content.length,
    document.contentHash,
    document.metadataHash,
    placesAfter,
    document.title,
    document.metadataJson,
  ];
}

function deleteDocuments(
  datasetId: number,
  deletions: readonly Extract<DocumentChange, { kind: 'delete' }>[],
  count: number,
): SqlStatement[] {
  const keys = deletions.map(({ key }) => [datasetId, key.source, key.key]);
  const named = 'dataset_id = ? and source = ? and key = ?';
  return [
    ...ifAny(
      `delete from chunks where document_id in (select document_id from documents where ${named})`,
      keys,
    ),
    ...ifAny(
      `delete from chunk_queue where document_id in (select document_id from documents where ${named})`,
      keys,
    ),
    ...ifAny(
      `delete from document_contents where document_id in (select document_id from documents where ${named})`,
      keys,
    ),
    ...ifAny(
      `update documents set revision = revision + 1, removed = 1, content_length = 0, changed_at_ms = ${NOW_MS},
         change_seq = (select last_change_seq - ?4 from datasets where dataset_id = ?1)
       where dataset_id = ?1 and source = ?2 and key = ?3 and removed = 0`,
      deletions.map(({ key }, index) => [datasetId, key.source, key.key, count - 1 - index]),
    ),
  ];
}

/**
 * Brings documents' chunks under one configuration to what their diffs say, if their content is still the one that was cut.
 * They need not be cut any more.
 */
export function chunkStatements(
  { datasetId, configurationId, usdPerMillionTokens }: ChunkPlace,
  changes: readonly {
    readonly document: Pick<PreparedDocument, 'source' | 'key' | 'contentHash'>;
    readonly diff: ChunkDiff;
  }[],
): SqlStatement[] {
  const growing = changes.filter(({ diff }) => diff.added.length > 0);
  return [
    ...ifAny(
      'delete from chunks where chunk_id = ?',
      changes.flatMap(({ diff }) => diff.removedIds.map((chunkId) => [chunkId])),
    ),
    ...ifAny(
      `update chunks set ordinal = ?, start_offset = ?, end_offset = ?, token_count = ?, context = ?
       where chunk_id = ?`,
      changes.flatMap(({ diff }) => diff.kept.map(movedChunk)),
    ),
    ...(growing.length > 0 ? [BEGIN_REUSE] : []),
    // The place of a chunk is taken when this very change was applied before and its answer was lost.
    ...ifAny(
      `insert into chunks (document_id, configuration_id, profile_id, ordinal, start_offset, end_offset, token_count,
         embedding_status, text_hash, context)
       select d.document_id, s.configuration_id, s.profile_id, j.value ->> 0, j.value ->> 1, j.value ->> 2,
              j.value ->> 3,
              iif(exists (select 1 from embeddings e
                          where e.text_hash = substr(?5, j.key * 32 + 1, 32) and e.profile_id = s.profile_id),
                  'ready', 'pending'),
              substr(?5, j.key * 32 + 1, 32), j.value ->> 4
       from documents d cross join configurations s on s.configuration_id = ?7 cross join json_each(?4) j
       where d.dataset_id = ?1 and d.source = ?2 and d.key = ?3 and d.content_hash = ?6
         and not exists (select 1 from chunks c where c.document_id = d.document_id
                           and c.configuration_id = s.configuration_id and c.ordinal = j.value ->> 0)`,
      growing.map(({ document, diff }) => [
        datasetId,
        document.source,
        document.key,
        JSON.stringify(diff.added.map(chunkJson)),
        packHashes(diff.added.map(({ textHash }) => textHash)),
        document.contentHash,
        configurationId,
      ]),
    ),
    ...(growing.length > 0 ? [countReused(datasetId, usdPerMillionTokens)] : []),
    ...ifAny(
      `delete from chunk_queue where configuration_id = ?5 and document_id =
         (select document_id from documents where dataset_id = ?1 and source = ?2 and key = ?3 and content_hash = ?4)`,
      changes.map(({ document }) => [
        datasetId,
        document.source,
        document.key,
        document.contentHash,
        configurationId,
      ]),
    ),
  ];
}

function movedChunk({ chunkId, chunk }: ChunkDiff['kept'][number]): SqlRow {
  return [chunk.ordinal, chunk.start, chunk.end, chunk.tokenCount, chunk.context, chunkId];
}

/** A chunk as one statement takes all of a document. JSON would carry a lone surrogate into the catalog as invalid UTF-8. */
function chunkJson(chunk: PreparedChunk) {
  return [chunk.ordinal, chunk.start, chunk.end, chunk.tokenCount, chunk.context.toWellFormed()];
}

function ifAny(sql: string, argRows: readonly SqlRow[]): SqlStatement[] {
  return argRows.length === 0 ? [] : [statementForEach(sql, argRows)];
}
