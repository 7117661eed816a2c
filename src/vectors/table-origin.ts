import type { Schema } from 'apache-arrow';
import { isSynclineError } from '../domain/errors.ts';
import { type FieldTypes, parseFieldTypes } from '../domain/fields.ts';
import type { TableOrigin, TableSpec } from './vector-store.ts';

/** Where the origin stands in the metadata of a table's Arrow schema; LanceDB keeps that through every kind of commit. */
const METADATA_KEY = 'syncline.origin';

/** What a table says about itself, with its declared fields: a schema does not tell a boolean from a small number. */
export interface WrittenOrigin {
  readonly origin: TableOrigin;
  readonly fields: FieldTypes;
}

/** The origin as schema metadata, or none. */
export function originMetadata({ origin, fields }: TableSpec): Map<string, string> {
  if (origin === undefined) return new Map();
  return new Map([[METADATA_KEY, JSON.stringify({ origin, fields } satisfies WrittenOrigin)]]);
}

/** The origin that a table's schema tells of; `undefined` when there is none, or none that can be understood. */
export function readOrigin(schema: Schema): WrittenOrigin | undefined {
  const text = schema.metadata.get(METADATA_KEY);
  if (text === undefined) return undefined;
  try {
    const { origin, fields } = JSON.parse(text);
    return isOrigin(origin) ? { origin, fields: parseFieldTypes(fields) } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError || isSynclineError(error, 'INVALID_FIELD'))
      return undefined;
    throw error;
  }
}

/** Whether every part has its type. A part that is missing makes this throw a TypeError. */
function isOrigin(origin: TableOrigin): boolean {
  const { catalogId, generationId, address, profile, chunking } = origin;
  const texts: unknown[] = [catalogId, address.project, address.dataset, profile.provider, profile.model];
  const numbers: unknown[] = [
    generationId,
    profile.dimensions,
    profile.templateVersion,
    chunking.tokensPerChunkMax,
  ];
  return texts.every((text) => typeof text === 'string') && numbers.every(Number.isSafeInteger);
}
