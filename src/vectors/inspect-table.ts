import type { Connection } from '@lancedb/lancedb';
import { isSynclineError } from '../domain/errors.ts';
import { toTableError } from './table-error.ts';
import { readOrigin } from './table-origin.ts';
import type { TableInspection } from './vector-store.ts';

/** Columns by which a table of ours is known that does not say whose it is. */
const OUR_COLUMNS = ['chunk_id', 'document_id', 'embedded_text', 'fingerprint', 'bucket', 'vector'];

/** Opens a table that may be anything and tells what it is. */
export async function inspectTable(connection: Connection, name: string): Promise<TableInspection> {
  try {
    const handle = await connection.openTable(name);
    const schema = await handle.schema();
    handle.close();
    const columns = new Set(schema.fields.map((field) => field.name));
    // The newest manifest is full of zeros (a power cut).
    if (columns.size === 0) return { ...nothingKnown(name), kind: 'unreadable' };
    const written = readOrigin(schema);
    const isOurs = written !== undefined || OUR_COLUMNS.every((column) => columns.has(column));
    return {
      name,
      kind: isOurs ? 'ours' : 'other',
      origin: written?.origin,
      fields: written?.fields,
      problem: undefined,
    };
  } catch (error) {
    const problem = toTableError(error, name);
    if (!isSynclineError(problem, 'TABLE_DAMAGED', 'TABLE_MISSING')) throw problem;
    return { ...nothingKnown(name), kind: 'unreadable', problem };
  }
}

function nothingKnown(name: string) {
  return { name, origin: undefined, fields: undefined, problem: undefined };
}
