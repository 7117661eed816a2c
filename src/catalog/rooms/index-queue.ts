import { renderEmbeddedText, textStartAfter } from '../../domain/embedded-text.ts';
import { batchesOf } from '../batches.ts';
import type { QueuedChunk, QueuedDocument } from '../catalog.ts';
import type { CatalogSession } from '../session.ts';
import { type SqlRow, statement } from '../sql-driver.ts';
import { bytesAt, integerAt, optionalIntegerAt, textAt, vectorAt } from '../sql-values.ts';
import { type ContentRequest, readContents } from './contents.ts';

/** Documents of one answer, also when they have no chunks. */
const DOCUMENTS_PER_ANSWER = 1_000;
/** How often an answer is put together again when all its documents changed under it. */
const ATTEMPTS_MAX = 10;
/** What a chunk's row weighs besides vector and context. */
const CHUNK_BYTES = 200;

interface Candidate extends ContentRequest {
  readonly chunkCount: number;
  readonly document: Omit<QueuedDocument, 'chunks'>;
}

interface PlacedChunk extends Omit<QueuedChunk, 'embeddedText' | 'textStart'> {
  readonly documentId: number;
  readonly context: string;
}

/**
 * Queued documents without a pending chunk, with all that their rows are made of. What is read spans several requests;
 * a document that changes in between is left out (it is queued again), so each is in itself consistent.
 */
export async function listWritableDocuments(
  session: CatalogSession,
  generationId: number,
  chunkCountMax: number,
): Promise<QueuedDocument[]> {
  for (let attempt = 1; ; attempt += 1) {
    const candidates = await readCandidates(session, generationId, chunkCountMax);
    const documents = await assemble(session, generationId, candidates);
    if (documents.length > 0 || candidates.length === 0 || attempt === ATTEMPTS_MAX) return documents;
  }
}

async function readCandidates(
  session: CatalogSession,
  generationId: number,
  chunkCountMax: number,
): Promise<Candidate[]> {
  const oldest = (hasRows: 0 | 1) =>
    `(select min(queue_seq) from index_queue indexed by index_queue_ready
      where generation_id = ?1 and has_rows = ${hasRows} and ready = 1)`;
  const rows = await session.rows(
    statement(
      `select q.queue_seq, d.document_id, q.revision, cast(d.source as blob), cast(d.key as blob),
              cast(d.title as blob), cast(d.metadata_json as blob), d.metadata_hash, q.has_rows, d.content_length,
              d.content_hash,
              (select count(*) from chunks c
               where c.document_id = d.document_id and c.embedding_status = 'ready'
                 and c.configuration_id = (select configuration_id from generations where generation_id = ?1))
       from index_queue q indexed by index_queue_ready
       cross join documents d on d.document_id = q.document_id
       where q.generation_id = ?1 and q.ready = 1
         and q.has_rows = (select coalesce(${oldest(1)} < ${oldest(0)}, ${oldest(0)} is null))
       order by q.queue_seq limit ?2`,
      generationId,
      Math.max(1, Math.min(chunkCountMax, DOCUMENTS_PER_ANSWER)),
    ),
  );
  const [chosen] = batchesOf(rows.map(candidateOf), {
    itemsMax: DOCUMENTS_PER_ANSWER,
    weightMax: chunkCountMax,
    weigh: ({ chunkCount }) => chunkCount,
  });
  return chosen ?? [];
}

function candidateOf(row: SqlRow): Candidate {
  const documentId = integerAt(row, 1);
  return {
    documentId,
    contentLength: integerAt(row, 9),
    contentHash: bytesAt(row, 10),
    chunkCount: integerAt(row, 11),
    document: {
      queueSeq: integerAt(row, 0),
      documentId,
      revision: integerAt(row, 2),
      source: textAt(row, 3),
      key: textAt(row, 4),
      title: textAt(row, 5),
      metadataJson: textAt(row, 6),
      metadataHash: bytesAt(row, 7),
      contentHash: bytesAt(row, 10),
      hasRows: integerAt(row, 8) === 1,
    },
  };
}

async function assemble(
  session: CatalogSession,
  generationId: number,
  candidates: readonly Candidate[],
): Promise<QueuedDocument[]> {
  if (candidates.length === 0) return [];
  const withChunks = candidates.filter(({ chunkCount }) => chunkCount > 0);
  const contents = await readContents(session, withChunks);
  const chunks = await readChunks(session, generationId, withChunks);
  const unchanged = await readUnchanged(session, generationId, candidates);
  return candidates.flatMap(({ documentId, document, chunkCount }) => {
    if (!unchanged.has(documentId)) return [];
    const content = contents.get(documentId);
    if (content === undefined && chunkCount > 0) return [];
    const placed = chunks.get(documentId) ?? [];
    return { ...document, chunks: placed.map((chunk) => withText(chunk, content ?? '')) };
  });
}

function withText({ documentId: _, context, ...chunk }: PlacedChunk, content: string): QueuedChunk {
  return {
    ...chunk,
    embeddedText: renderEmbeddedText(context, content.slice(chunk.start, chunk.end)),
    textStart: textStartAfter(context),
  };
}

/** Ready chunks with their vectors, by document; in as many requests as their bytes need. */
async function readChunks(
  session: CatalogSession,
  generationId: number,
  candidates: readonly Candidate[],
): Promise<Map<number, PlacedChunk[]>> {
  const chunks = new Map<number, PlacedChunk[]>();
  const [profile] = await session.rows(
    statement(
      `select e.dimensions from generations g join embedding_profiles e on e.profile_id = g.profile_id
       where g.generation_id = ?`,
      generationId,
    ),
  );
  if (profile === undefined) return chunks;
  const chunksPerRead = Math.max(
    1,
    Math.floor(session.driver.readBytesMax / (integerAt(profile, 0) * 4 + CHUNK_BYTES)),
  );
  const batches = batchesOf(candidates, {
    itemsMax: DOCUMENTS_PER_ANSWER,
    weightMax: chunksPerRead,
    weigh: ({ chunkCount }) => chunkCount,
  });
  for (const batch of batches) {
    const ids = batch.map(({ documentId }) => documentId);
    for (const chunk of await readChunksOf(session, generationId, ids, chunksPerRead)) {
      const known = chunks.get(chunk.documentId);
      if (known === undefined) chunks.set(chunk.documentId, [chunk]);
      else known.push(chunk);
    }
  }
  return chunks;
}

/** Chunks of some documents, by ordinal. A single document may have more of them than one request should bring. */
async function readChunksOf(
  session: CatalogSession,
  generationId: number,
  documentIds: readonly number[],
  chunksPerRead: number,
): Promise<PlacedChunk[]> {
  const chunks: PlacedChunk[] = [];
  let after = { documentId: -1, ordinal: -1 };
  for (;;) {
    const rows = await session.rows(
      statement(
        `select c.document_id, c.ordinal, c.chunk_id, c.start_offset, c.end_offset, c.text_hash,
                cast(c.context as blob), e.vector, c.token_count
         from generations g
         cross join chunks c indexed by chunks_by_document
           on c.document_id in (select value from json_each(?2)) and c.configuration_id = g.configuration_id
             and (c.document_id, c.ordinal) > (?3, ?4)
         cross join embeddings e on e.text_hash = c.text_hash and e.profile_id = g.profile_id
         where g.generation_id = ?1 and c.embedding_status = 'ready'
         order by c.document_id, c.ordinal limit ?5`,
        generationId,
        JSON.stringify(documentIds),
        after.documentId,
        after.ordinal,
        chunksPerRead,
      ),
    );
    for (const row of rows) chunks.push(placedChunk(row));
    if (rows.length < chunksPerRead) return chunks;
    after = chunks.at(-1) ?? after;
  }
}

function placedChunk(row: SqlRow): PlacedChunk {
  return {
    documentId: integerAt(row, 0),
    ordinal: integerAt(row, 1),
    chunkId: integerAt(row, 2),
    start: integerAt(row, 3),
    end: integerAt(row, 4),
    textHash: bytesAt(row, 5),
    context: textAt(row, 6),
    vector: vectorAt(row, 7),
    tokenCount: integerAt(row, 8),
  };
}

/** Ids of the candidates that are still queued, ready and of the revision that was read. */
async function readUnchanged(
  session: CatalogSession,
  generationId: number,
  candidates: readonly Candidate[],
): Promise<Set<number>> {
  const rows = await session.rows(
    statement(
      `select document_id, revision from index_queue
       where generation_id = ?1 and ready = 1 and document_id in (select value from json_each(?2))`,
      generationId,
      JSON.stringify(candidates.map(({ documentId }) => documentId)),
    ),
  );
  const revisions = new Map(rows.map((row) => [integerAt(row, 0), integerAt(row, 1)]));
  return new Set(
    candidates
      .filter(({ documentId, document }) => revisions.get(documentId) === document.revision)
      .map(({ documentId }) => documentId),
  );
}

/** Where a dataset's queue stands. Without a serving generation everything given out still waits. */
export async function queueSpan(
  session: CatalogSession,
  datasetId: number,
): Promise<{ readonly lastGivenSeq: number; readonly firstWaitingSeq: number | undefined }> {
  const [row] = await session.rows(
    statement(
      `with serving as materialized
         (select generation_id from generations where dataset_id = ?1 and state = 'serving')
       select last_change_seq,
              iif(exists (select 1 from serving),
                  (select min(queue_seq) from index_queue where generation_id = (select generation_id from serving)),
                  (select min(change_seq) from documents where dataset_id = ?1))
       from datasets where dataset_id = ?1`,
      datasetId,
    ),
  );
  if (row === undefined) return { lastGivenSeq: 0, firstWaitingSeq: undefined };
  return { lastGivenSeq: integerAt(row, 0), firstWaitingSeq: optionalIntegerAt(row, 1) };
}
