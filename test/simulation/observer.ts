import { Buffer } from 'node:buffer';
import { type SqlRow, type SqlStatement, statement } from '../../src/catalog/sql-driver.ts';
import { type Ledger, textHashHex, vectorOf } from './ledger.ts';
import { latestRows, type MemoryDisk, type StoredRow, type StoredTable } from './memory-tables.ts';
import type { SimDatabase } from './sim-catalog.ts';
import { type History, isEmpty, isWhole } from './source.ts';
import type { SimProcess } from './world.ts';

/*
 * Looks at what is durable after every step that changed it. Nothing here knows what the runtime has in memory.
 */

/** Something that must never be. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

export interface Observer {
  afterWrite(process: SimProcess, statements: readonly SqlStatement[]): void;
  afterCommit(process: SimProcess, table: StoredTable, what: string): void;
  /** Whether a process holds the lease. */
  isWorker(process: SimProcess): boolean;
  /** Before a request for vectors is sent. */
  beforeRequest(process: SimProcess, texts: readonly string[]): void;
  /** Somebody else damages a table: what holds of tables that Syncline wrote holds of this one no more. */
  noteDamage(tableName: string): void;
  /** Tables that a process made that was no worker any more. */
  readonly strayTables: ReadonlySet<string>;
  /** What was seen in a place from which an error would not come out. */
  readonly complaints: string[];
}

export interface ObserverParts {
  readonly database: SimDatabase;
  readonly disk: MemoryDisk;
  readonly ledger: Ledger;
  /** Everything that a document of a dataset ever was. */
  readonly historyOf: (address: string, key: string) => Readonly<History>;
}

interface KnownChunk {
  readonly documentId: number;
  readonly textHash: string;
}

interface KnownTable {
  readonly datasetId: string;
  readonly address: string;
}

const CHUNKS = statement(
  'select chunk_id, document_id, hex(text_hash), embedding_status from chunks order by chunk_id',
);
const MARKED = `
  select g.generation_id, g.table_name, g.state, g.recorded_version, g.recorded_row_count,
         i.chunk_id, i.document_id, i.fingerprint
  from generations g left join indexed_chunks i on i.generation_id = g.generation_id
  where g.recorded_version is not null and g.state != 'dropping'
  order by g.generation_id, i.chunk_id`;
const COSTS = statement(
  `select (select coalesce(sum(text_count), 0) from cost_days where mode in ('direct', 'batch')), (select count(*) from embeddings)`,
);
const HOLDER = statement('select cast(holder_id as blob) from leases');
const TABLES = `
  select g.table_name, p.name || '/' || d.name, d.dataset_id
  from generations g join datasets d on d.dataset_id = g.dataset_id join projects p on p.project_id = d.project_id
  where g.table_name = ?`;

/** Every vector that is stored is charged, and nothing is that was not paid. */
function checkCosts([charged, stored]: SqlRow, { paid }: Ledger): void {
  const paidCount = [...paid.values()].reduce((sum, count) => sum + count, 0);
  if (Number(charged) < Number(stored))
    throw new Violation(`${stored} vectors are stored, but only ${charged} texts are charged.`);
  if (Number(charged) > paidCount)
    throw new Violation(`${charged} texts are charged, but only ${paidCount} were paid for.`);
}

export function createObserver(parts: ObserverParts): Observer {
  const { database, disk, ledger } = parts;
  const chunks = new Map<number, KnownChunk>();
  /** Hashes (hex) of texts whose vectors the catalog has. */
  const embedded = new Map<string, Uint8Array>();
  const tables = new Map<string, KnownTable>();
  const damaged = new Set<string>();
  /** Tables whose newest version holds what a process wrote that was no worker any more. */
  const soiled = new Set<string>();
  const strayTables = new Set<string>();
  const complaints: string[] = [];
  /** Rows of versions that were found to be whole documents. */
  const sound = new WeakSet<readonly StoredRow[]>();
  /** What readers saw last, by dataset. */
  const views = new Map<string, { readonly name: string; readonly rows: readonly StoredRow[] }>();
  let lastEmbeddingId = 0;

  const isWorker = (process: SimProcess): boolean => {
    const [row] = database.inspect(HOLDER)[0]?.rows ?? [];
    const holder = row?.[0];
    return holder instanceof Uint8Array && Buffer.from(holder).toString().startsWith(`${process.name}-`);
  };

  const readEmbeddings = (): void => {
    const rows = database.rows(
      'select embedding_id, hex(text_hash), vector from embeddings where embedding_id > ? order by embedding_id',
      lastEmbeddingId,
    );
    for (const [id, hash, vector] of rows) {
      lastEmbeddingId = Number(id);
      if (vector instanceof Uint8Array) embedded.set(String(hash).toLowerCase(), vector.slice());
    }
  };

  const checkChunks = (rows: readonly SqlRow[]): void => {
    for (const [chunkId, documentId, hash, status] of rows) {
      const id = Number(chunkId);
      const now = { documentId: Number(documentId), textHash: String(hash).toLowerCase() };
      const before = chunks.get(id);
      if (before === undefined) chunks.set(id, now);
      else if (before.documentId !== now.documentId || before.textHash !== now.textHash) {
        throw new Violation(`The chunk id ${id} is given out a second time.`);
      }
      if (status === 'ready' && !embedded.has(now.textHash)) {
        throw new Violation(`Chunk ${id} is ready, but its vector is not in the catalog.`);
      }
    }
  };

  const checkMarks = (rows: readonly SqlRow[]): void => {
    const generations = new Map<number, { readonly head: SqlRow; readonly marks: SqlRow[] }>();
    for (const row of rows) {
      const entry = generations.get(Number(row[0])) ?? { head: row, marks: [] };
      if (row[5] !== null) entry.marks.push(row);
      generations.set(Number(row[0]), entry);
    }
    for (const { head, marks } of generations.values()) checkGeneration(head, marks);
  };

  const checkGeneration = (head: SqlRow, marks: readonly SqlRow[]): void => {
    const [id, name, state, version, rowCount] = head;
    if (damaged.has(String(name))) return;
    const where = `Generation ${String(id)} (${String(state)})`;
    const table = disk.tables.get(String(name));
    if (table === undefined) throw new Violation(`${where} has no table "${String(name)}".`);
    const rows = table.versions.get(Number(version));
    if (rows === undefined) throw new Violation(`${where} has no version ${String(version)}.`);
    const wanted = marks.map((mark) => `${String(mark[5])} of ${String(mark[6])}: ${String(mark[7])}`);
    const found = rows
      .toSorted((a, b) => a.row.chunkId - b.row.chunkId)
      .map(({ row }) => `${row.chunkId} of ${row.documentId}: ${row.fingerprint}`);
    if (rows.length !== Number(rowCount) || wanted.join() !== found.join()) {
      throw new Violation(
        `${where} marks ${wanted.length} rows and records ${String(rowCount)}, but version ${String(version)} of its table holds ${rows.length}; only marked: ${difference(wanted, found)}; only in the table: ${difference(found, wanted)}.`,
      );
    }
    if (state === 'serving') checkView(String(name), rows);
  };

  /** What readers see: the serving table at the version that is recorded. */
  const checkView = (name: string, rows: readonly StoredRow[]): void => {
    const known = tableOf(name);
    if (known === undefined) throw new Violation(`The catalog does not know the table "${name}".`);
    const { datasetId } = known;
    const before = views.get(datasetId);
    checkDocuments(rows, before === undefined || damaged.has(before.name) ? [] : before.rows, known);
    views.set(datasetId, { name, rows });
  };

  const tableOf = (name: string): KnownTable | undefined => {
    const known = tables.get(name);
    if (known !== undefined) return known;
    const [row] = database.rows(TABLES, name);
    if (row === undefined) return undefined;
    const table = { address: String(row[1]), datasetId: String(row[2]) };
    tables.set(name, table);
    return table;
  };

  const checkRow = ({ row, vector }: StoredRow): void => {
    const hash = textHashHex(row.embeddedText);
    const chunk = chunks.get(row.chunkId);
    if (chunk === undefined)
      throw new Violation(`The table holds chunk ${row.chunkId}, which the catalog never gave out.`);
    if (chunk.textHash !== hash || chunk.documentId !== row.documentId) {
      throw new Violation(`The row of chunk ${row.chunkId} is that of another text or document.`);
    }
    const stored = embedded.get(hash);
    if (stored === undefined)
      throw new Violation(`The vector of chunk ${row.chunkId} is in a table before it is in the catalog.`);
    const bytes = Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
    if (!bytes.equals(stored) || !bytes.equals(Buffer.from(vectorOf(row.embeddedText).buffer))) {
      throw new Violation(`The row of chunk ${row.chunkId} has the vector of another text.`);
    }
  };

  /** Each document is one revision, whole, and none has vanished that was not to go. */
  const checkDocuments = (
    rows: readonly StoredRow[],
    before: readonly StoredRow[],
    known: KnownTable,
  ): void => {
    if (sound.has(rows)) return;
    const seen = new Set<number>();
    for (const { row } of rows) {
      if (seen.has(row.chunkId))
        throw new Violation(`A table of ${known.address} holds chunk ${row.chunkId} twice.`);
      seen.add(row.chunkId);
    }
    const documents = byKey(rows);
    for (const [key, own] of documents) {
      if (indexInHistory(known, key, own) !== undefined) continue;
      const texts = own.map(({ row }) => JSON.stringify(row.embeddedText.slice(0, 24)));
      throw new Violation(
        `Readers of ${known.address} see of ${key} what it never was: ${texts.join(', ')}.`,
      );
    }
    for (const [key, own] of byKey(before)) {
      if (documents.has(key)) continue;
      const later = parts.historyOf(known.address, key).slice((indexInHistory(known, key, own) ?? -1) + 1);
      if (later.some((revision) => isEmpty(revision, ledger.refused))) continue;
      throw new Violation(`Readers of ${known.address} do not see ${key} any more, which was never to go.`);
    }
    sound.add(rows);
  };

  /** The first revision that the rows of a document are. */
  const indexInHistory = (known: KnownTable, key: string, rows: readonly StoredRow[]): number | undefined => {
    const ordered = rows.toSorted((a, b) => a.row.ordinal - b.row.ordinal);
    const texts = ordered.map(({ row }) => row.embeddedText);
    const index = parts
      .historyOf(known.address, key)
      .findIndex(
        (revision) =>
          revision !== undefined &&
          rows.every(({ row }) => row.metadataJson === revision.metadataJson) &&
          isWhole(texts, revision, ledger.refused),
      );
    return index < 0 ? undefined : index;
  };

  return {
    strayTables,
    complaints,
    isWorker,
    afterWrite(process, statements) {
      if (statements.some(({ sql }) => isWork(sql)) && !isWorker(process)) {
        throw new Violation(`${process.name} wrote into the catalog although another holds the lease.`);
      }
      readEmbeddings();
      const [chunkRows, marked, costs] = database.inspect(CHUNKS, statement(MARKED), COSTS);
      checkCosts(costs?.rows[0] ?? [], ledger);
      checkChunks(chunkRows?.rows ?? []);
      checkMarks(marked?.rows ?? []);
    },
    afterCommit(process, table, what) {
      if (!isWorker(process)) {
        soiled.add(table.name);
        if (latestRows(table).length === 0 && table.versions.size === 1) strayTables.add(table.name);
        return;
      }
      const known = tableOf(table.name);
      if (known === undefined) throw new Violation(`The catalog does not know the table "${table.name}".`);
      for (const row of latestRows(table)) checkRow(row);
      if (damaged.has(table.name)) return;
      // Putting back undoes what nobody has recorded.
      const before = what.startsWith('restore') ? [] : (table.versions.get(table.latest - 1) ?? []);
      try {
        checkDocuments(latestRows(table), before, known);
        soiled.delete(table.name);
      } catch (error) {
        if (!soiled.has(table.name)) throw error;
      }
    },
    beforeRequest(process, texts) {
      if (!isWorker(process)) return;
      const underWay = ledger.inFlight.get(process.name);
      for (const text of texts) {
        const shown = JSON.stringify(text.slice(0, 40));
        if (embedded.has(textHashHex(text)))
          complaints.push(`A vector is asked for that the catalog has: ${shown}.`);
        if (underWay?.has(text)) complaints.push(`A vector is asked for twice at the same time: ${shown}.`);
      }
    },
    noteDamage: (tableName) => void damaged.add(tableName),
  };
}

function difference(these: readonly string[], those: readonly string[]): string {
  const others = new Set(those);
  const only = these.filter((one) => !others.has(one));
  return only.length === 0 ? 'none' : only.slice(0, 5).join('; ');
}

function byKey(rows: readonly StoredRow[]): Map<string, StoredRow[]> {
  const documents = new Map<string, StoredRow[]>();
  for (const stored of rows) {
    const own = documents.get(stored.row.key) ?? [];
    own.push(stored);
    documents.set(stored.row.key, own);
  }
  return documents;
}

/** Whether a statement changes what only the worker may change. Whoever searches charges what was searched for. */
function isWork(sql: string): boolean {
  return (
    /^\s*(with|insert|update|delete)\b/i.test(sql) &&
    !/\bleases\b|\bschema_migrations\b|\bcost_(days|charges|runs)\b/.test(sql)
  );
}
