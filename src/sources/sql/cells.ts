import type { FieldType } from '../../domain/fields.ts';
import type { MetadataValue } from '../../domain/metadata.ts';

/**
 * A value of a row. Numbers are exact: integers beyond 2^53 are bigints, decimals keep their digits. What cannot be a
 * document's is kept as the reason, so that it spoils its own row only.
 */
export type SqlCell =
  | null
  | string
  | number
  | bigint
  | boolean
  | Uint8Array
  | { readonly decimal: string }
  | { readonly json: MetadataValue }
  | { readonly fault: string };

/** A row: one cell for each column that was asked for. */
export type SqlRow = readonly SqlCell[];

/** Raised for a row that cannot become a document; its message is a clause about the value. */
export class CellError extends Error {
  override readonly name = 'CellError';
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const INTEGER = /^[+-]?\d+$/;
const TRUE = ['true', 't', 'yes', 'y', 'on', '1'];
const FALSE = ['false', 'f', 'no', 'n', 'off', '0'];

/** An integer as a number where that is exact. */
export function exactInteger(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/**
 * A cell in the middle of a text; NULL is nothing.
 *
 * @throws CellError for bytes that are not text.
 */
export function textOf(cell: SqlCell): string {
  if (cell === null) return '';
  if (typeof cell !== 'object') return String(cell);
  if (cell instanceof Uint8Array) return textOfBytes(cell);
  if ('decimal' in cell) return cell.decimal;
  if ('fault' in cell) throw new CellError(cell.fault);
  return textOfJson(cell.json);
}

/**
 * A cell as a part of a key; `undefined` for NULL. Bytes are hexadecimal digits.
 *
 * @throws CellError for what cannot be a key.
 */
export function keyTextOf(cell: SqlCell): string | undefined {
  if (cell === null) return undefined;
  if (cell instanceof Uint8Array) return Buffer.from(cell).toString('hex');
  if (typeof cell === 'object' && 'json' in cell) throw new CellError('holds JSON, which cannot be a key');
  return textOf(cell);
}

/**
 * A cell as metadata, of the declared type or of its own; `undefined` for NULL.
 *
 * @throws CellError for a value that cannot be of that type.
 */
export function metadataOf(cell: SqlCell, type: FieldType | undefined): MetadataValue | undefined {
  if (cell === null || (isJson(cell) && cell.json === null)) return undefined;
  switch (type) {
    case undefined:
      return ownValue(cell);
    case 'string':
      return textOf(cell);
    case 'number':
      return numberOf(cell, NUMBER, Number.isFinite, type);
    case 'integer':
      return numberOf(cell, INTEGER, Number.isSafeInteger, type);
    case 'boolean':
      return booleanOf(cell);
    case 'string[]':
      return listOf(cell);
  }
}

function ownValue(cell: Exclude<SqlCell, null>): MetadataValue {
  if (typeof cell === 'bigint') return String(cell);
  if (typeof cell === 'number') return finite(cell);
  if (typeof cell !== 'object') return cell;
  if (isJson(cell)) return cell.json;
  if ('decimal' in cell) return finite(Number(cell.decimal));
  return textOf(cell);
}

function finite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw new CellError(`is ${value}, which JSON cannot hold`);
}

function numberOf(
  cell: Exclude<SqlCell, null>,
  form: RegExp,
  isAllowed: (value: number) => boolean,
  type: FieldType,
): number {
  const text = textOf(cell).trim();
  const value = form.test(text) ? Number(text) : Number.NaN;
  return isAllowed(value) ? value : mismatch(text, type);
}

function booleanOf(cell: Exclude<SqlCell, null>): boolean {
  const text = textOf(cell).trim().toLowerCase();
  if (TRUE.includes(text)) return true;
  return FALSE.includes(text) ? false : mismatch(text, 'boolean');
}

function listOf(cell: Exclude<SqlCell, null>): string[] {
  const value = isJson(cell) ? cell.json : textOf(cell);
  const list = typeof value === 'string' && value.trimStart().startsWith('[') ? parsed(value) : value;
  if (!Array.isArray(list)) return typeof list === 'string' ? [list] : mismatch(textOf(cell), 'string[]');
  const items: readonly MetadataValue[] = list;
  return items.flatMap((item) => (item === null ? [] : [textOfJson(item)]));
}

function parsed(text: string): MetadataValue {
  try {
    return JSON.parse(text) as MetadataValue;
  } catch {
    // Text that only begins like a list is one item.
    return text;
  }
}

function isJson(cell: SqlCell): cell is { readonly json: MetadataValue } {
  return typeof cell === 'object' && cell !== null && 'json' in cell;
}

/** Text as it is, a list of plain values with commas, anything else as JSON. */
function textOfJson(value: MetadataValue): string {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  if (!Array.isArray(value)) return typeof value === 'object' ? JSON.stringify(value) : String(value);
  const items: readonly MetadataValue[] = value;
  if (items.some((item) => typeof item === 'object' && item !== null)) return JSON.stringify(value);
  return items.map(textOfJson).join(', ');
}

function textOfBytes(bytes: Uint8Array): string {
  const fault = 'holds bytes that are not text. Leave the column out, or convert it in a query';
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new CellError(fault);
  }
  if (text.includes('\0')) throw new CellError(fault);
  return text;
}

function mismatch(text: string, type: FieldType): never {
  throw new CellError(`is ${JSON.stringify(text.slice(0, 80))}, which is not of the declared type ${type}`);
}
