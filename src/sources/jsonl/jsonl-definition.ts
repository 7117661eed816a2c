import type { DefinitionFields } from '../definition-fields.ts';

/** A file of JSON Lines: one document per line, each with its own key. */
export interface JsonlSourceDefinition {
  readonly kind: 'jsonl';
  readonly name: string;
  /** The file; relative to the current folder. */
  readonly path: string;
  /** Longest line in bytes. Default 16 MiB. */
  readonly lineBytesMax?: number;
}

/** Longest line where the definition says nothing. */
export const LINE_BYTES_MAX = 16 * 1_024 * 1_024;
const LINE_BYTES_LIMIT = 1_024 * 1_024 * 1_024;

/** Declares a file of JSON Lines as a source. */
export function jsonlSource(definition: Omit<JsonlSourceDefinition, 'kind'>): JsonlSourceDefinition {
  return { kind: 'jsonl', ...definition };
}

/** Reads the fields of a definition. */
export function readJsonlDefinition(name: string, fields: DefinitionFields): JsonlSourceDefinition {
  const path = fields.text('path');
  const lineBytesMax = fields.optionalInteger('lineBytesMax', 1, LINE_BYTES_LIMIT);
  fields.end();
  return { kind: 'jsonl', name, path, ...(lineBytesMax === undefined ? {} : { lineBytesMax }) };
}
