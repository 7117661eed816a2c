import type { ErrorCode } from '../../domain/errors.ts';
import type { SqlResult, SqlRow, SqlStatement, SqlValue } from '../sql-driver.ts';

/*
 * What travels between the main thread and the worker that holds the connection. Blobs travel in one arena that is
 * transferred, not cloned: cloning a view copies its whole buffer, which for pooled digests is 8 KB per 32 bytes.
 */

/** What the worker is started with. */
export interface LocalWorkerData {
  readonly path: string;
  readonly access: 'readWrite' | 'readOnly';
  /** How long a request may wait for another process's write lock. */
  readonly busyTimeoutMs: number;
  /** Size of the write-ahead log at which the side that checkpoints does so. */
  readonly checkpointBytes: number;
}

/** A value as it travels; `true` stands for the next blob of the arena. */
type PackedValue = bigint | number | string | null | true;

/** Rows of several statements, one after the other. */
export interface PackedRows {
  readonly values: readonly PackedValue[];
  readonly arena: ArrayBuffer;
  readonly blobLengths: readonly number[];
}

/** How the values of {@link PackedRows} fall into rows. */
interface RowShape {
  readonly width: number;
  readonly rowCount: number;
}

export type LocalRequest =
  | {
      readonly id: number;
      readonly kind: 'read' | 'write';
      readonly statements: readonly (RowShape & { readonly sql: string })[];
      readonly packed: PackedRows;
    }
  | { readonly id: number; readonly kind: 'setCheckpointing'; readonly on: boolean }
  | { readonly id: number; readonly kind: 'checkpoint' }
  | { readonly id: number; readonly kind: 'close' };

export type LocalAnswer =
  | {
      readonly id: number;
      readonly ok: true;
      readonly results: readonly (RowShape & { readonly changeCount: number })[];
      readonly packed: PackedRows;
    }
  | { readonly id: number; readonly ok: false; readonly error: LocalFailure };

/** An error in a form that survives cloning. */
export interface LocalFailure {
  readonly message: string;
  /** Set where the worker itself knows what is wrong. */
  readonly catalogCode?: ErrorCode;
  /** SQLite's result code, where there is one. */
  readonly rawCode?: number;
}

/** Blobs start at multiples of this, so that vectors can be viewed in place as Float32Array. */
const ALIGNMENT = 8;

function aligned(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT;
}

/** Packs rows for the journey. Views are respected; the caller's memory is copied, never transferred. */
export function packRows(rows: Iterable<SqlRow>): PackedRows {
  const values: PackedValue[] = [];
  const blobs: Uint8Array[] = [];
  let byteCount = 0;
  for (const row of rows) {
    for (const value of row) {
      if (value instanceof Uint8Array) {
        values.push(true);
        blobs.push(value);
        byteCount += aligned(value.byteLength);
      } else {
        values.push(value);
      }
    }
  }
  const arena = new ArrayBuffer(byteCount);
  const bytes = new Uint8Array(arena);
  let offset = 0;
  for (const blob of blobs) {
    bytes.set(blob, offset);
    offset += aligned(blob.byteLength);
  }
  return { values, arena, blobLengths: blobs.map((blob) => blob.byteLength) };
}

/** Reads packed rows back, shape by shape; blobs are views into the arena. */
export function unpackRows(packed: PackedRows, shapes: readonly RowShape[]): SqlValue[][][] {
  const { values, arena, blobLengths } = packed;
  let valueIndex = 0;
  let blobIndex = 0;
  let offset = 0;
  const next = (): SqlValue => {
    const value = values[valueIndex++];
    if (value === undefined) throw new Error('A message of the catalog worker ends too early.');
    if (value !== true) return value;
    const length = blobLengths[blobIndex++] ?? 0;
    const blob = new Uint8Array(arena, offset, length);
    offset += aligned(length);
    return blob;
  };
  return shapes.map(({ width, rowCount }) => {
    const rows: SqlValue[][] = new Array(rowCount);
    for (let row = 0; row < rowCount; row += 1) {
      const cells: SqlValue[] = new Array(width);
      for (let column = 0; column < width; column += 1) cells[column] = next();
      rows[row] = cells;
    }
    return rows;
  });
}

/** A request for statements. */
export function packStatements(id: number, kind: 'read' | 'write', statements: readonly SqlStatement[]) {
  return {
    id,
    kind,
    statements: statements.map(({ sql, argRows }) => ({
      sql,
      width: argRows[0]?.length ?? 0,
      rowCount: argRows.length,
    })),
    packed: packRows(statements.flatMap(({ argRows }) => argRows)),
  } satisfies LocalRequest;
}

/** The statements of a request. */
export function unpackStatements(request: Extract<LocalRequest, { packed: PackedRows }>): SqlStatement[] {
  const argRows = unpackRows(request.packed, request.statements);
  return request.statements.map(({ sql }, index) => ({ sql, argRows: argRows[index] ?? [] }));
}

/** An answer with the results of statements. */
export function packResults(id: number, results: readonly SqlResult[]) {
  return {
    id,
    ok: true,
    results: results.map(({ rows, changeCount }) => ({
      width: rows[0]?.length ?? 0,
      rowCount: rows.length,
      changeCount,
    })),
    packed: packRows(results.flatMap(({ rows }) => rows)),
  } satisfies LocalAnswer;
}

/** The results of an answer. */
export function unpackResults(answer: Extract<LocalAnswer, { ok: true }>): SqlResult[] {
  const rows = unpackRows(answer.packed, answer.results);
  return answer.results.map(({ changeCount }, index) => ({ rows: rows[index] ?? [], changeCount }));
}
