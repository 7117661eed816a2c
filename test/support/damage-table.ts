/* Damage to a dataset's table and catalog, done behind Syncline's back. */
import { join } from 'node:path';
import { connect, type Table } from '@lancedb/lancedb';
import Database from 'libsql';
import type { TestRuntime } from './test-runtime.ts';

/** A row as LanceDB gives it back, ready to be added again. */
export type RawRow = Record<string, unknown> & { chunk_id: bigint; document_id: bigint; fingerprint: bigint };

/** The newest table of a folder, without Syncline. */
export async function openTableDirectly({ dataDir }: Pick<TestRuntime, 'dataDir'>): Promise<Table> {
  const connection = await connect(join(dataDir, 'vectors'));
  const names = await connection.tableNames();
  const name = names.toSorted().at(-1);
  if (name === undefined) throw new Error('There is no table.');
  return connection.openTable(name);
}

/** All rows, by chunk id, as plain values. */
export async function readRows(table: Table): Promise<RawRow[]> {
  const rows: unknown[] = await table.query().toArray();
  const plain = rows.map((row) => {
    const { vector, ...rest } = { ...(row as RawRow & { vector: { toArray(): Float32Array } }) };
    return { ...rest, vector: Array.from(vector.toArray()) } as RawRow;
  });
  return plain.sort((a, b) => Number(a.chunk_id - b.chunk_id));
}

/** Runs statements on the catalog's file. */
export function changeCatalog({ dataDir }: Pick<TestRuntime, 'dataDir'>, ...statements: string[]): void {
  const catalog = new Database(join(dataDir, 'catalog.db'), { timeout: 5_000 });
  try {
    for (const statement of statements) catalog.exec(statement);
  } finally {
    catalog.close();
  }
}

/** Makes the catalog believe that the table, as it is now, is what the last mark left behind. */
export async function recordAsMarked(test: Pick<TestRuntime, 'dataDir'>, table: Table): Promise<void> {
  const [version, rowCount] = [await table.version(), await table.countRows()];
  changeCatalog(
    test,
    `update generations set recorded_version = ${version}, recorded_row_count = ${rowCount} where state = 'serving'`,
  );
}
