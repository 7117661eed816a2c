import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import type { DocumentFormat } from '../domain/document.ts';
import { decodeText, utf16Encoding } from './decode-text.ts';
import { type FileKind, fileKind } from './file-kind.ts';
import { htmlToMarkdown } from './html-to-markdown.ts';
import { markdownTitle } from './markdown-title.ts';
import { problem, unreadable } from './problems.ts';
import { readJsonl } from './read-jsonl.ts';
import type { ReadResult } from './read-result.ts';

const TITLE_LENGTH_MAX = 300;

/** A file to read. */
export interface FileToRead {
  readonly path: string;
  /** The form of the path in problems and metadata. */
  readonly shown: string;
  readonly key: string;
}

/** Reads one file: the document in it, the documents of a JSONL file, or why it cannot be read. */
export async function* readOneFile(file: FileToRead, bytesMax: number): AsyncGenerator<ReadResult> {
  const { path, shown, key } = file;
  const extension = extname(path).toLowerCase();
  const kind = fileKind(extension) ?? 'text';
  try {
    if (kind === 'jsonl') {
      yield* readJsonlFile(path, shown, bytesMax);
      return;
    }
    const bytes = await readBytes(path, bytesMax);
    if (bytes === undefined) {
      const reason = `it is larger than ${bytesMax} bytes. Split it, or raise the limit.`;
      yield problem('DOCUMENT_TOO_LARGE', shown, reason);
      return;
    }
    const decoded = decodeText(bytes);
    if ('reason' in decoded) {
      yield problem('SOURCE_UNREADABLE', shown, decoded.reason);
      return;
    }
    const { title, content, format } = await toContent(decoded.text, kind);
    const metadata = { path: shown, extension };
    yield { document: { key, content, format, metadata, ...(title === undefined ? {} : { title }) } };
  } catch (error) {
    yield unreadable(shown, error);
  }
}

/**
 * The documents of a JSONL file.
 *
 * @throws Error of the file system, or when the file is UTF-16.
 */
export async function* readJsonlFile(
  path: string,
  shown: string,
  bytesMax: number,
): AsyncGenerator<ReadResult> {
  let isFirst = true;
  async function* checked(): AsyncGenerator<Uint8Array> {
    for await (const bytes of streamBytes(path)) {
      if (isFirst && utf16Encoding(bytes) !== undefined) {
        throw new Error('it is UTF-16; JSON Lines need UTF-8. Convert it, for example with iconv');
      }
      isFirst = false;
      yield bytes;
    }
  }
  yield* readJsonl(checked(), shown, bytesMax);
}

/** All bytes of a file; `undefined` when there are more than `bytesMax`. */
async function readBytes(path: string, bytesMax: number): Promise<Uint8Array | undefined> {
  const { size, ...file } = await describe(path);
  if (file.isRegular) {
    if (size > bytesMax) return undefined;
    const bytes = await readFile(path);
    return bytes.length > bytesMax ? undefined : bytes;
  }
  // A pipe, such as that of a shell's <(command): its size is not known before its end.
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of streamBytes(path)) {
    length += part.length;
    if (length > bytesMax) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}

async function describe(path: string): Promise<{ readonly size: number; readonly isRegular: boolean }> {
  const found = await stat(path);
  return { size: found.size, isRegular: found.isFile() };
}

async function* streamBytes(path: string): AsyncGenerator<Uint8Array> {
  for await (const part of createReadStream(path)) {
    if (part instanceof Uint8Array) yield part;
  }
}

async function toContent(
  text: string,
  kind: Exclude<FileKind, 'jsonl'>,
): Promise<{
  readonly title: string | undefined;
  readonly content: string;
  readonly format: DocumentFormat;
}> {
  if (kind === 'text') return { title: undefined, content: text, format: 'text' };
  if (kind === 'markdown') return { title: markdownTitle(text), content: text, format: 'markdown' };
  const { title, content } = await htmlToMarkdown(text);
  const shown = title === undefined ? markdownTitle(content) : title;
  return { title: shown?.slice(0, TITLE_LENGTH_MAX).toWellFormed(), content, format: 'markdown' };
}
