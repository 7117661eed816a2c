import { SynclineError } from './errors.ts';
import { type Digest, sha256 } from './hash.ts';

/** A JSON value, as metadata holds it. */
export type MetadataValue =
  | string
  | number
  | boolean
  | null
  | readonly MetadataValue[]
  | { readonly [key: string]: MetadataValue };

/** Whatever a document's owner wants to find it by or see in a result. Any JSON object. */
export type Metadata = { readonly [key: string]: MetadataValue };

/** Longest metadata of one document in its canonical form, in UTF-16 units. */
const METADATA_LENGTH_MAX = 1_000_000;
/** Deepest nesting of metadata; deeper input is refused, not followed. */
const METADATA_DEPTH_MAX = 32;

/**
 * The canonical JSON text of metadata: keys sorted at every level, so that equal metadata has equal text and nested
 * changes are never overlooked.
 *
 * @throws SynclineError `INVALID_METADATA` on a value JSON cannot hold (NaN, undefined, a function, a cycle), U+0000, or too much of it.
 */
export function canonicalMetadata(metadata: Metadata): string {
  const text = canonical(metadata, '', 0);
  if (text.length > METADATA_LENGTH_MAX) {
    throw invalidMetadata('', `is longer than ${METADATA_LENGTH_MAX} characters`);
  }
  return text;
}

/** SHA-256 of the canonical form: 32 bytes. */
export function metadataHash(canonicalText: string): Digest {
  return sha256(canonicalText);
}

function canonical(value: unknown, path: string, depth: number): string {
  if (depth > METADATA_DEPTH_MAX)
    throw invalidMetadata(path, `is nested deeper than ${METADATA_DEPTH_MAX} levels`);
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return canonicalString(value, path);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw invalidMetadata(path, `is ${value}, which JSON cannot hold`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) {
    return `[${value.map((item, index) => canonical(item, `${path}[${index}]`, depth + 1)).join(',')}]`;
  }
  if (typeof value === 'object' && isPlainObject(value)) return canonicalObject(value, path, depth);
  throw invalidMetadata(
    path,
    `is a ${typeof value === 'object' ? 'non-plain object' : typeof value}, not a JSON value`,
  );
}

function canonicalObject(value: object, path: string, depth: number): string {
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  const parts = entries.map(
    ([key, item]) =>
      `${canonicalString(key, path)}:${canonical(item, path === '' ? key : `${path}.${key}`, depth + 1)}`,
  );
  return `{${parts.join(',')}}`;
}

function canonicalString(value: string, path: string): string {
  if (value.includes('\0')) throw invalidMetadata(path, 'contains the zero character U+0000');
  return JSON.stringify(value.toWellFormed());
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function invalidMetadata(path: string, reason: string): SynclineError {
  const name = path === '' ? 'The metadata' : `The metadata value "${path}"`;
  return new SynclineError('INVALID_METADATA', `${name} ${reason}. Give plain JSON values.`, {
    details: { path },
  });
}
