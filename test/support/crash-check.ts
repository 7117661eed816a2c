/* Whether catalog, table and source agree, read behind Syncline's back. */
import { deepEqual, equal, ok } from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '@lancedb/lancedb';
import Database from 'libsql';
import type { CrashSource } from './crash-source.ts';
import { standInVector } from './embedding-answer.ts';

interface DocumentRow {
  readonly document_id: number;
  readonly key: string;
  readonly removed: number;
  readonly content: string | null;
  readonly metadata_json: string;
}

interface ChunkRow {
  readonly chunk_id: number;
  readonly document_id: number;
  readonly key: string;
  readonly content: string;
  readonly metadata_json: string;
  readonly embedding_status: string;
  readonly ordinal: number;
  readonly start_offset: number;
  readonly end_offset: number;
  readonly context: string;
  readonly vector: Buffer | null;
}

interface DatasetRow {
  readonly dataset_id: number;
  readonly target_configuration_id: number | null;
  readonly dimensions: number;
}

interface GenerationRow {
  readonly generation_id: number;
  readonly table_name: string;
  readonly state: string;
  readonly recorded_version: number;
  readonly recorded_row_count: number;
}

interface TableRow {
  readonly chunk_id: bigint;
  readonly document_id: bigint;
  readonly key: string;
  readonly ordinal: number;
  readonly start: number;
  readonly end: number;
  readonly embedded_text: string;
  readonly metadata: string;
  readonly vector: { toArray(): Float32Array };
}

export interface CrashExpectation {
  readonly dataDir: string;
  readonly address: string;
  /** What the source was before the step that may have been cut short. */
  readonly before: CrashSource;
  /** What it is after that step: each document is as in one of the two. */
  readonly after: CrashSource;
}

/**
 * Checks a dataset with nothing left to do, in a catalog that nobody has open.
 *
 * @throws AssertionError saying what does not agree.
 */
export async function checkDataset(expected: CrashExpectation): Promise<void> {
  const catalog = new Database(join(expected.dataDir, 'catalog.db'), { readonly: true, timeout: 5_000 });
  try {
    checkCharges(catalog);
    const dataset = findDataset(catalog, expected.address);
    if (dataset === undefined) {
      ok(expected.before.size === 0 || expected.after.size === 0, `${expected.address} is gone`);
      deepEqual(tableFolders(expected), [], `${expected.address} left tables behind`);
      return;
    }
    const { dataset_id, target_configuration_id, dimensions } = dataset;
    equal(target_configuration_id, null, `${expected.address}: a reconfiguration is left unfinished`);
    const generations = rowsOf<GenerationRow>(catalog, GENERATIONS, dataset_id);
    const hasEarlierTables = generations.length > 1;
    checkDocuments(rowsOf(catalog, DOCUMENTS, dataset_id), expected, hasEarlierTables);
    const chunks = rowsOf<ChunkRow>(catalog, CHUNKS, dataset_id);
    for (const chunk of chunks) checkChunk(chunk, dimensions);
    checkQueues(catalog, dataset_id, expected);
    await checkTables(catalog, generations, chunks, { ...expected, dimensions });
  } finally {
    catalog.close();
  }
}

const DOCUMENTS = `
  select d.document_id, d.key, d.removed, c.content, d.metadata_json
  from documents d left join document_contents c on c.document_id = d.document_id where d.dataset_id = ?`;

const GENERATIONS = 'select * from generations where dataset_id = ? order by state desc';

const CHUNKS = `
  select c.chunk_id, c.document_id, d.key, t.content, d.metadata_json, c.embedding_status, c.ordinal, c.start_offset,
         c.end_offset, c.context, e.vector
  from chunks c
  join documents d on d.document_id = c.document_id
  join document_contents t on t.document_id = c.document_id
  left join embeddings e on e.text_hash = c.text_hash and e.profile_id = c.profile_id
  where c.configuration_id = (select configuration_id from datasets where dataset_id = ?) order by c.chunk_id`;

function rowsOf<Row>(catalog: Database.Database, sql: string, ...args: number[]): Row[] {
  return catalog.prepare(sql).all(...args) as Row[];
}

function findDataset(catalog: Database.Database, address: string): DatasetRow | undefined {
  return catalog
    .prepare(
      `select d.dataset_id, d.target_configuration_id, e.dimensions
       from datasets d join projects p on p.project_id = d.project_id
       join configurations c on c.configuration_id = d.configuration_id
       join embedding_profiles e on e.profile_id = c.profile_id
       where p.name || '/' || d.name = ?`,
    )
    .get(address) as DatasetRow | undefined;
}

/** Every document of the source is stored as it is, and no other; but for what an earlier table, kept for a rollback, still holds. */
function checkDocuments(
  rows: readonly DocumentRow[],
  { address, before, after }: CrashExpectation,
  hasEarlierTables: boolean,
): void {
  const present = rows.filter(({ removed }) => removed === 0 || !hasEarlierTables);
  const stored = new Map(present.map((row) => [row.key, row]));
  equal(stored.size, present.length, `${address}: a key is stored twice`);
  for (const key of new Set([...before.keys(), ...after.keys(), ...stored.keys()])) {
    const row = stored.get(key);
    const shown =
      row === undefined ? undefined : { content: row.content, metadata: JSON.parse(row.metadata_json) };
    const allowed = [before.get(key), after.get(key)].map((document) =>
      document === undefined ? undefined : { content: document.content, metadata: document.metadata },
    );
    const isAllowed = allowed.some((one) => JSON.stringify(one) === JSON.stringify(shown));
    ok(isAllowed, `${address}: ${key} is ${JSON.stringify(shown)}, not one of ${JSON.stringify(allowed)}`);
    equal(row?.removed ?? 0, 0, `${address}: ${key} is left behind as removed`);
  }
}

function checkChunk(chunk: ChunkRow, dimensions: number): void {
  const name = `chunk ${chunk.chunk_id} of ${chunk.key}`;
  equal(chunk.embedding_status, 'ready', `${name} has no vector`);
  ok(chunk.vector !== null, `${name} is ready, but its vector is not in the catalog`);
  const wanted = Buffer.from(standInVector(embeddedText(chunk), dimensions).buffer);
  ok(wanted.equals(Buffer.from(chunk.vector)), `${name} has the vector of another text`);
}

function embeddedText({ context, content, start_offset, end_offset }: ChunkRow): string {
  const text = content.slice(start_offset, end_offset);
  return context === '' ? text : `${context}\n\n${text}`;
}

function tableFolders({ dataDir, address }: Pick<CrashExpectation, 'dataDir' | 'address'>): string[] {
  const vectors = join(dataDir, 'vectors');
  const names = existsSync(vectors) ? readdirSync(vectors) : [];
  return names.filter((name) => name.startsWith(`${address.replace('/', '__')}__`)).sort();
}

/** Nothing waits to be cut or written. */
function checkQueues(catalog: Database.Database, datasetId: number, { address }: CrashExpectation): void {
  const waiting = rowsOf(
    catalog,
    `select q.* from index_queue q join generations g on g.generation_id = q.generation_id
     where g.state = 'serving' and g.dataset_id = ?`,
    datasetId,
  );
  deepEqual(waiting, [], `${address}: queue`);
  deepEqual(
    rowsOf(catalog, 'select * from incoming where dataset_id = ?', datasetId),
    [],
    `${address}: incoming`,
  );
}

/**
 * The serving table holds every chunk once, as it is, and is what the catalog has recorded; the one that is kept for a rollback
 * is what was recorded of it; there is no other table.
 */
async function checkTables(
  catalog: Database.Database,
  generations: readonly GenerationRow[],
  chunks: readonly ChunkRow[],
  { dataDir, dimensions, address }: CrashExpectation & { readonly dimensions: number },
): Promise<void> {
  const states = generations.map(({ state }) => state);
  deepEqual(states, ['serving', 'retired'].slice(0, Math.max(1, states.length)), `${address}: generations`);
  const wanted = generations.map(({ table_name }) => `${table_name}.lance`);
  deepEqual(tableFolders({ dataDir, address }), wanted.sort(), `${address}: tables`);
  const [serving] = generations;
  ok(serving);
  const chunkIds = chunks.map((chunk) => chunk.chunk_id);
  const marked = rowsOf<{ chunk_id: number }>(
    catalog,
    'select chunk_id from indexed_chunks where generation_id = ? order by chunk_id',
    serving.generation_id,
  );
  deepEqual(
    marked.map((row) => row.chunk_id),
    chunkIds,
    `${address}: marks and chunks`,
  );
  const connection = await connect(join(dataDir, 'vectors'));
  for (const generation of generations) {
    const table = await connection.openTable(generation.table_name);
    if (generation !== serving) continue;
    equal(await table.version(), generation.recorded_version, `${address}: version`);
    equal(await table.countRows(), generation.recorded_row_count, `${address}: rows`);
    const rows = (await table.query().toArray()) as TableRow[];
    rows.sort((a, b) => Number(a.chunk_id - b.chunk_id));
    deepEqual(
      rows.map((row) => Number(row.chunk_id)),
      chunkIds,
      `${address}: rows and chunks`,
    );
    for (const [index, row] of rows.entries()) checkRow(row, chunks[index], dimensions);
  }
  connection.close();
}

function checkRow(row: TableRow, chunk: ChunkRow | undefined, dimensions: number): void {
  ok(chunk);
  const shown = {
    document_id: Number(row.document_id),
    key: row.key,
    ordinal: row.ordinal,
    start_offset: row.start,
    end_offset: row.end,
    metadata_json: row.metadata,
  };
  const { document_id, key, ordinal, start_offset, end_offset, metadata_json } = chunk;
  const wanted = { document_id, key, ordinal, start_offset, end_offset, metadata_json };
  deepEqual(shown, wanted, `row of chunk ${chunk.chunk_id}`);
  equal(row.embedded_text, embeddedText(chunk), `text of chunk ${chunk.chunk_id}`);
  deepEqual(
    Array.from(row.vector.toArray()),
    Array.from(standInVector(row.embedded_text, dimensions)),
    `vector of chunk ${chunk.chunk_id}`,
  );
}

/** Every vector was charged with the answer that it came in. */
function checkCharges(catalog: Database.Database): void {
  const { charged, stored } = catalog
    .prepare(
      `select (select coalesce(sum(text_count), 0) from cost_days where mode = 'direct') as charged,
              (select count(*) from embeddings) as stored`,
    )
    .get() as { readonly charged: number; readonly stored: number };
  ok(charged >= stored, `${stored} vectors are stored, but only ${charged} texts are charged`);
}
