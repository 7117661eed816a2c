import { resolve } from 'node:path';
import { type ErrorCode, SynclineError, throwIfAborted } from '../../domain/errors.ts';
import { createKeySet } from '../../domain/key-set.ts';
import { unreadable } from '../../readers/problems.ts';
import { readJsonlFile } from '../../readers/read-file.ts';
import type { Source, SourceRecord } from '../source.ts';
import { checkTable, singleKey } from '../source-id.ts';
import { type JsonlSourceDefinition, LINE_BYTES_MAX } from './jsonl-definition.ts';

/** The only table of a file of JSON Lines. */
const TABLE = 'lines';

/**
 * Documents out of a file of JSON Lines. As its lines have no order, an extraction by ids reads the file through. A `source`
 * in a line counts for nothing: a document belongs to the source by which it comes.
 */
export function openJsonlSource(definition: JsonlSourceDefinition, cwd: string): Source {
  const { name, path, lineBytesMax = LINE_BYTES_MAX } = definition;

  async function* read(
    signal: AbortSignal,
    isWanted: (key: string) => boolean,
  ): AsyncGenerator<SourceRecord> {
    const seen = createKeySet();
    try {
      for await (const result of readJsonlFile(resolve(cwd, path), path, lineBytesMax)) {
        throwIfAborted(signal);
        if ('problem' in result) yield refused(undefined, result.problem.code, result.problem.message);
        if (!('document' in result) || !isWanted(result.document.key)) continue;
        const { source: _, ...document } = result.document;
        const { key } = document;
        const twice = `"${path}": the key "${key}" stands in two lines; the first one is kept. Give each its own.`;
        yield seen.add(key) ? { document } : refused(key, 'DUPLICATE_KEY', twice);
      }
    } catch (error) {
      throw error instanceof SynclineError ? error : unreadableFile(name, path, error);
    }
  }

  return {
    name,
    kind: 'jsonl',
    tables: [TABLE],
    documentKey: (table, id) => singleKey(name, table, id),
    extractAll: ({ signal }) => read(signal, () => true),
    extractByIds(table, ids, { signal }) {
      checkTable({ name, tables: [TABLE] }, table);
      const keys = new Set(ids.map((id) => singleKey(name, table, id)));
      return read(signal, (key) => keys.has(key));
    },
  };
}

function refused(key: string | undefined, code: ErrorCode, message: string): SourceRecord {
  return { refused: { key, code, message } };
}

function unreadableFile(name: string, path: string, cause: unknown): SynclineError {
  const result = unreadable(path, cause);
  const reason = 'problem' in result ? result.problem.message : String(cause);
  return new SynclineError('SOURCE_UNREADABLE', `The source "${name}" cannot be read: ${reason}`, {
    cause,
    details: { source: name },
  });
}
