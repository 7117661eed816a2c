import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { extname } from 'node:path';
import type { DocumentFormat } from '../domain/document.ts';
import { SynclineError } from '../domain/errors.ts';
import type { Metadata } from '../domain/metadata.ts';
import { decodeText, utf16Encoding } from './decode-text.ts';
import type { FileKind } from './file-kind.ts';
import { readFrontMatter } from './front-matter.ts';
import { htmlToMarkdown } from './html-to-markdown.ts';
import { cutTitle, markdownTitle } from './markdown-title.ts';
import type { PdfReader } from './pdf/pdf-reader.ts';
import { problem, unreadable } from './problems.ts';
import { readJsonl } from './read-jsonl.ts';
import type { ReadResult } from './read-result.ts';

/** A file to read. */
export interface FileToRead {
  readonly path: string;
  /** The form of the path in problems and metadata. */
  readonly shown: string;
  readonly key: string;
  /** How it is read; `undefined`: as text. */
  readonly kind: FileKind | undefined;
}

/** What {@link readOneFile} needs beside the file. */
export interface FileReading {
  /** Largest file, and longest line of a JSONL file, in bytes. */
  readonly bytesMax: number;
  readonly pdf: PdfReader;
  /** Called for a file of no known kind that turns out to hold no text; without it, such a file is a problem. */
  readonly onBinary?: (extension: string) => void;
}

/** Reads one file: the document in it, the documents of a JSONL file, or why it cannot be read. */
export async function* readOneFile(file: FileToRead, reading: FileReading): AsyncGenerator<ReadResult> {
  const { path, shown, kind = 'text' } = file;
  const { bytesMax } = reading;
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
    const result =
      kind === 'pdf' ? await readPdf(file, bytes, reading) : await readText(file, bytes, reading);
    if (result !== undefined) yield result;
  } catch (error) {
    yield unreadable(shown, error);
  }
}

async function readPdf(
  { key, path, shown }: FileToRead,
  bytes: Uint8Array,
  { pdf }: FileReading,
): Promise<ReadResult> {
  try {
    const { content, title, pageCount } = await pdf.read(bytes, shown);
    const named = cutTitle(title);
    const metadata = { path: shown, extension: extensionOf(path), pageCount };
    return {
      document: { key, content, format: 'text', metadata, ...(named === undefined ? {} : { title: named }) },
    };
  } catch (error) {
    if (!(error instanceof SynclineError) || error.code === 'ABORTED') throw error;
    return { problem: error, path: shown };
  }
}

async function readText(
  { key, path, shown, kind }: FileToRead,
  bytes: Uint8Array,
  { onBinary }: FileReading,
): Promise<ReadResult | undefined> {
  const decoded = decodeText(bytes);
  if ('reason' in decoded) {
    if (kind !== undefined || !decoded.isBinary || onBinary === undefined)
      return problem('SOURCE_UNREADABLE', shown, decoded.reason);
    onBinary(extensionOf(path));
    return undefined;
  }
  const { encoding } = decoded;
  const { title, content, format, metadata, fault } = await toContent(decoded.text, kind);
  const document = {
    key,
    content,
    format,
    metadata: {
      ...metadata,
      path: shown,
      extension: extensionOf(path),
      // UTF-8 and UTF-16 are certain; what is only likely is told.
      ...(encoding.startsWith('utf-') ? {} : { encoding }),
      ...(fault === undefined ? {} : { frontMatterProblem: fault }),
    },
    ...(title === undefined ? {} : { title }),
  };
  return { document, ...(fault === undefined ? {} : { note: `"${shown}": ${fault}` }) };
}

function extensionOf(path: string): string {
  return extname(path).toLowerCase();
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

interface Content {
  readonly title: string | undefined;
  readonly content: string;
  readonly format: DocumentFormat;
  readonly metadata: Metadata;
  /** What is wrong with its front matter. */
  readonly fault: string | undefined;
}

async function toContent(text: string, kind: FileKind | undefined): Promise<Content> {
  if (kind === 'markdown') return markdownContent(text);
  if (kind !== 'html')
    return { title: undefined, content: text, format: 'text', metadata: {}, fault: undefined };
  const { title, content } = await htmlToMarkdown(text);
  const shown = cutTitle(title) ?? markdownTitle(content);
  return { title: shown, content, format: 'markdown', metadata: {}, fault: undefined };
}

function markdownContent(text: string): Content {
  const { metadata, body, problem: fault } = readFrontMatter(text);
  const { title } = metadata;
  const named = typeof title === 'string' || typeof title === 'number' ? cutTitle(String(title)) : undefined;
  return { title: named ?? markdownTitle(body), content: body, format: 'markdown', metadata, fault };
}
