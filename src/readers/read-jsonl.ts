import type { DocumentInput } from '../domain/document.ts';
import type { Metadata } from '../domain/metadata.ts';
import { problem } from './problems.ts';
import type { ReadResult } from './read-result.ts';
import { splitLines } from './split-lines.ts';

const FIELDS = new Set(['key', 'content', 'title', 'source', 'format', 'metadata']);

/**
 * Reads JSON Lines: one document per line, `{ "key", "content", "title"?, "source"?, "format"?, "metadata"? }`. Blank lines
 * are skipped. A line that is no document is a problem with its number; the lines behind it are read all the same.
 *
 * @param path Named in problems.
 * @param lineBytesMax Longest line; no more than that is held in memory.
 */
export async function* readJsonl(
  bytes: AsyncIterable<Uint8Array>,
  path: string,
  lineBytesMax: number,
): AsyncGenerator<ReadResult> {
  let line = 0;
  for await (const row of splitLines(bytes, lineBytesMax)) {
    line += 1;
    if (row === undefined) {
      const reason = `the line is longer than ${lineBytesMax} bytes. Split the document, or raise the limit.`;
      yield problem('DOCUMENT_TOO_LARGE', path, reason, { line });
      continue;
    }
    const result = readLine(row, path, line);
    if (result !== undefined) yield result;
  }
}

function readLine(row: Uint8Array, path: string, line: number): ReadResult | undefined {
  const invalid = (reason: string, cause?: unknown): ReadResult =>
    problem('INVALID_DOCUMENT', path, reason, { line, cause });
  let value: unknown;
  try {
    // The decoder drops a byte order mark.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(row);
    if (text.trim() === '') return undefined;
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return invalid(`it is not valid JSON (${error.message}).`, error);
    if (error instanceof TypeError)
      return invalid('it is not valid UTF-8. Convert the file to UTF-8.', error);
    throw error;
  }
  const fault = findFault(value);
  return fault === undefined ? { document: toDocument(value as LineDocument) } : invalid(fault);
}

/** A line in which {@link findFault} found no fault. `null` stands for a field that is left out. */
type LineDocument = { readonly key: string; readonly content: string } & {
  readonly [Field in 'title' | 'source']?: string | null;
} & { readonly format?: DocumentInput['format'] | null; readonly metadata?: Metadata | null };

function toDocument(value: LineDocument): DocumentInput {
  const { key, content, title, source, format, metadata } = value;
  return {
    key,
    content,
    ...(title == null ? {} : { title }),
    ...(source == null ? {} : { source }),
    ...(format == null ? {} : { format }),
    ...(metadata == null ? {} : { metadata }),
  };
}

/** What is wrong with a line's value; `undefined` when it is a document. */
function findFault(value: unknown): string | undefined {
  if (!isObject(value)) return 'a line needs a JSON object: {"key": "…", "content": "…"}.';
  for (const field of ['key', 'content']) {
    if (typeof value[field] !== 'string') return `it needs a "${field}" that is a string.`;
  }
  for (const field of ['title', 'source']) {
    if (value[field] != null && typeof value[field] !== 'string') return `its "${field}" must be a string.`;
  }
  if (value.format != null && value.format !== 'markdown' && value.format !== 'text') {
    return 'its "format" must be "markdown" or "text".';
  }
  if (value.metadata != null && !isObject(value.metadata)) return 'its "metadata" must be an object.';
  const unknown = Object.keys(value).find((field) => !FIELDS.has(field));
  if (unknown === undefined) return undefined;
  return `it has the unknown field "${unknown.slice(0, 80)}". Put your own fields into "metadata".`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
