import { DEFAULT_SOURCE } from '../domain/document.ts';
import { SynclineError } from '../domain/errors.ts';
import { definitionFields, isSourceName } from './definition-fields.ts';
import { type FolderSourceDefinition, readFolderDefinition } from './folder/folder-definition.ts';
import { type JsonlSourceDefinition, readJsonlDefinition } from './jsonl/jsonl-definition.ts';
import { readSqlDefinition, type SqlSourceDefinition } from './sql/sql-definition.ts';

/** A source as it is declared and stored: plain JSON that holds no secret. */
export type SourceDefinition = FolderSourceDefinition | JsonlSourceDefinition | SqlSourceDefinition;

/** All kinds of sources that can be stored. */
export const SOURCE_KINDS = ['folder', 'jsonl', 'sql'] as const satisfies readonly SourceDefinition['kind'][];

/**
 * Checks a definition that came from outside (a configuration file, a request, the catalog).
 *
 * @throws SynclineError `INVALID_SOURCE` naming the source, the field and what belongs there.
 */
export function parseSourceDefinition(value: unknown): SourceDefinition {
  const name = fieldOf(value, 'name');
  // The default is where pushed documents belong: a full run of a source would take them for deleted.
  if (!isSourceName(name) || name === DEFAULT_SOURCE) {
    throw new SynclineError(
      'INVALID_SOURCE',
      'A source needs a name of at most 100 letters, digits, ".", "_" and "-", which begins with a letter or digit, and is not "default".',
    );
  }
  const kind = fieldOf(value, 'kind');
  const fields = definitionFields(`The source "${name}"`, value);
  fields.value('name');
  fields.value('kind');
  switch (SOURCE_KINDS.find((known) => known === kind)) {
    case 'folder':
      return readFolderDefinition(name, fields);
    case 'jsonl':
      return readJsonlDefinition(name, fields);
    case 'sql':
      return readSqlDefinition(name, fields);
    default:
      return fields.fail('kind', `must be ${SOURCE_KINDS.join(' or ')}`);
  }
}

function fieldOf(value: unknown, field: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[field] : undefined;
}
