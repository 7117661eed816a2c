import { readdir, stat } from 'node:fs/promises';
import { posix, relative, resolve, sep } from 'node:path';
import { SynclineError, throwIfAborted } from '../../domain/errors.ts';
import { createFileRules, type FileRules } from '../../readers/file-rules.ts';
import { createFileFinder, isGone } from '../../readers/find-file.ts';
import { createPdfReader } from '../../readers/pdf/pdf-reader.ts';
import { unreadable } from '../../readers/problems.ts';
import { BYTES_MAX_DEFAULT } from '../../readers/read-documents.ts';
import { type FileReading, readOneFile } from '../../readers/read-file.ts';
import { type Found, type FoundFile, walkFolder } from '../../readers/walk-folder.ts';
import type { Source, SourceId, SourceRecord } from '../source.ts';
import { checkTable, invalidId, singleKey } from '../source-id.ts';
import type { FolderSourceDefinition } from './folder-definition.ts';

/** The only table of a folder. */
export const FILES_TABLE = 'files';

/**
 * Documents out of the files of a folder. Whether a file is there is asked of the folder each time: nothing is remembered.
 *
 * What cannot be read is refused and not taken for deleted: a file by its key, a folder by no key at all, as nobody knows what
 * is in it. A folder that is not there, holds nothing, or was put in another's place while it was read is an error.
 */
export function openFolderSource(definition: FolderSourceDefinition, cwd: string): Source {
  const { name, path, bytesMax = BYTES_MAX_DEFAULT, allowEmpty = false } = definition;
  const root = resolve(cwd, path);

  /** Checks the folder before and after `read`, which is what makes a file that is missing a deleted one. */
  async function* guarded(
    signal: AbortSignal,
    read: (rules: FileRules, reading: FileReading) => AsyncGenerator<SourceRecord>,
  ): AsyncGenerator<SourceRecord> {
    throwIfAborted(signal);
    const before = await identify(name, path, root, allowEmpty);
    const pdf = createPdfReader({ signal });
    try {
      const rules = await createFileRules(root, definition);
      for await (const record of read(rules, { bytesMax, pdf, onBinary: () => undefined })) {
        throwIfAborted(signal);
        yield record;
      }
    } catch (error) {
      throw error instanceof SynclineError ? error : unreadableFolder(name, path, error);
    } finally {
      await pdf.close();
    }
    throwIfAborted(signal);
    if (before !== (await identify(name, path, root, true)))
      throw failedFolder(name, 'the folder was replaced while it was read. Run again.');
  }

  async function* everything(rules: FileRules, reading: FileReading): AsyncGenerator<SourceRecord> {
    const options = {
      rules,
      show: (place: string) => relative(root, place).replaceAll(sep, '/'),
      onSkipped: () => undefined,
    };
    for await (const found of walkFolder(root, options)) yield* toRecords(found, reading);
  }

  return {
    name,
    kind: 'folder',
    tables: [FILES_TABLE],
    documentKey: (table, id) => fileKey(name, table, id),
    extractAll: ({ signal }) => guarded(signal, everything),
    extractByIds(table, ids, { signal }) {
      checkTable({ name, tables: [FILES_TABLE] }, table);
      const keys = new Set(ids.map((id) => fileKey(name, table, id)));
      return guarded(signal, async function* (rules, reading) {
        const finder = await createFileFinder(root, rules);
        for (const key of keys) {
          throwIfAborted(signal);
          const found = await finder.find(key);
          if (found !== undefined) yield* toRecords(found, reading);
        }
      });
    },
  };
}

async function* toRecords(found: Found, reading: FileReading): AsyncGenerator<SourceRecord> {
  if ('file' in found) yield* readFound(found.file, reading);
  else if ('problem' in found.result) {
    const { code, message } = found.result.problem;
    yield { refused: { key: found.key, code, message } };
  }
}

async function* readFound(file: FoundFile, reading: FileReading): AsyncGenerator<SourceRecord> {
  // A file of lines has a document in each, with keys of their own: that is another kind of source.
  if (file.kind === 'jsonl') return;
  for await (const result of readOneFile({ ...file, shown: file.key }, reading)) {
    if ('document' in result) yield { document: result.document };
    else if ('problem' in result && !(await isGone(file.path))) {
      const { code, message } = result.problem;
      yield { refused: { key: file.key, code, message } };
    }
  }
}

/** The path below the folder, as walks give it. */
function fileKey(name: string, table: string, id: SourceId): string {
  const text = singleKey(name, table, id);
  const key = posix.normalize(process.platform === 'win32' ? text.replaceAll('\\', '/') : text);
  if (
    key === '.' ||
    key.startsWith('/') ||
    key === '..' ||
    key.startsWith('../') ||
    key.endsWith('/') ||
    key.includes('\0')
  )
    throw invalidId(name, table, id, 'Give the path of a file below the folder');
  return key;
}

/** Which folder stands at the path; no two folders at once have the same answer. */
async function identify(name: string, path: string, root: string, allowEmpty: boolean): Promise<string> {
  try {
    const { dev, ino } = await stat(root);
    const entries = await readdir(root);
    if (entries.length > 0 || allowEmpty) return `${dev}:${ino}`;
  } catch (error) {
    throw unreadableFolder(name, path, error);
  }
  throw failedFolder(
    name,
    `the folder "${path}" is empty, which is what a disk looks like that is not mounted. If all files are to be removed from the dataset, set allowEmpty.`,
  );
}

function unreadableFolder(name: string, path: string, cause: unknown): SynclineError {
  const result = unreadable(path, cause);
  return failedFolder(name, 'problem' in result ? result.problem.message : String(cause), cause);
}

function failedFolder(name: string, reason: string, cause?: unknown): SynclineError {
  return new SynclineError('SOURCE_UNREADABLE', `The source "${name}" cannot be read: ${reason}`, {
    details: { source: name },
    ...(cause === undefined ? {} : { cause }),
  });
}
