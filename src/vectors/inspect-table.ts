import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Connection } from '@lancedb/lancedb';
import { isSynclineError } from '../domain/errors.ts';
import { toTableError } from './table-error.ts';
import { readOrigin } from './table-origin.ts';
import type { TableInspection } from './vector-store.ts';

/** Columns by which a table of ours is known that does not say whose it is. */
const OUR_COLUMNS = ['chunk_id', 'document_id', 'embedded_text', 'fingerprint', 'bucket', 'vector'];

/** Opens a table that may be anything and tells what it is. */
export async function inspectTable(
  connection: Connection,
  name: string,
): Promise<Omit<TableInspection, 'servedAtMs'>> {
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
    // One folder that cannot be looked into keeps nobody from working with the others.
    return { ...nothingKnown(name), kind: 'unreadable', problem: toTableError(error, name) };
  }
}

function nothingKnown(name: string) {
  return { name, origin: undefined, fields: undefined, problem: undefined };
}

/** The version that a table opens at; `undefined` when it does not. */
export async function openedVersion(connection: Connection, name: string): Promise<number | undefined> {
  try {
    const handle = await connection.openTable(name);
    const version = await handle.version();
    handle.close();
    return version;
  } catch (error) {
    const problem = toTableError(error, name);
    if (isSynclineError(problem, 'TABLE_DAMAGED', 'TABLE_MISSING')) return undefined;
    throw problem;
  }
}

/** Manifests are named 2^64-1 minus the version: `18446744073709551614.manifest` is version 1. */
const MANIFEST = /^(\d{20})\.manifest$/;
const VERSION_BASE = 2n ** 64n - 1n;

/** The newest version of the table in a folder, as the names of its manifests tell. */
export async function newestVersionIn(folder: string): Promise<number | undefined> {
  let names: string[];
  try {
    names = await readdir(join(folder, '_versions'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined;
    throw error;
  }
  const versions = names.flatMap((name) => MANIFEST.exec(name)?.[1] ?? []);
  const [newest] = versions.sort();
  return newest === undefined ? undefined : Number(VERSION_BASE - BigInt(newest));
}
