import { htmlToMarkdown } from './html-to-markdown.ts';

/** A file that was chosen or dropped, with its path within the folder that was. */
export interface ChosenFile {
  readonly path: string;
  readonly file: File;
}

/** A document as the API takes it. */
export interface NewDocument {
  readonly key: string;
  readonly content: string;
  readonly title?: string;
  readonly format: 'markdown' | 'text';
  readonly metadata: Readonly<Record<string, string>>;
}

const MARKDOWN = new Set(['.md', '.mdx', '.markdown']);
const HTML = new Set(['.html', '.htm', '.xhtml']);
const LINES = new Set(['.jsonl', '.ndjson']);
const TEXT = new Set([
  '.txt',
  '.text',
  '.rst',
  '.adoc',
  '.asciidoc',
  '.org',
  '.tex',
  '.log',
  '.csv',
  '.json',
  '.yaml',
  '.yml',
  '.toml',
  '.xml',
]);

/** What a file dialog offers. */
export const ACCEPTED = [...MARKDOWN, ...TEXT, ...HTML, ...LINES].join(',');

const BYTES_MAX = 8_388_608;

/** There is a reader for them on the server alone. */
const PDF =
  'PDFs are not read in the browser. Have the server read their folder: "syncline add FOLDER", or "syncline source add" to keep in line with it';

/** What is in a file: a document, documents as lines that the server reads, or why it is left out. */
export type ReadFile =
  | { readonly document: NewDocument }
  | { readonly lines: string }
  | { readonly problem: string };

/** Reads a file as far as that is done in the browser. */
export async function readFile({ path, file }: ChosenFile): Promise<ReadFile> {
  const extension = /\.[^./]+$/.exec(path)?.[0].toLowerCase() ?? '';
  if (extension === '.pdf') return { problem: PDF };
  const isKnown = [MARKDOWN, HTML, LINES, TEXT].some((kinds) => kinds.has(extension));
  if (!isKnown) return { problem: 'not a kind of text that is read here' };
  if (file.size > BYTES_MAX)
    return { problem: `larger than ${BYTES_MAX / 1_048_576} MB; use the command line` };
  const text = decode(new Uint8Array(await file.arrayBuffer()));
  if (text === undefined) return { problem: 'not text' };
  if (LINES.has(extension)) return { lines: text };
  const metadata = { path, extension };
  if (HTML.has(extension)) {
    const { title, content } = htmlToMarkdown(text);
    return { document: { key: path, content, format: 'markdown', metadata, ...(title !== '' && { title }) } };
  }
  const format = MARKDOWN.has(extension) ? 'markdown' : 'text';
  return { document: { key: path, content: text, format, metadata } };
}

/** Text in UTF-8, in UTF-16 with its mark, or else in Latin letters; `undefined` for what is none. */
function decode(bytes: Uint8Array<ArrayBuffer>): string | undefined {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  if (bytes.subarray(0, 8_192).includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

/** Files of a drop, those in folders, too. */
export async function filesOfDrop(items: DataTransferItemList): Promise<ChosenFile[]> {
  // The list is only good until the event has been handled.
  const entries = [...items].flatMap((item) => item.webkitGetAsEntry() ?? item.getAsFile() ?? []);
  const found: ChosenFile[] = [];
  for (const entry of entries) {
    if (entry instanceof File) found.push({ path: entry.name, file: entry });
    else await collect(entry, found);
  }
  return found;
}

/** Files that are taken at once; more are a matter for the command line. */
const FILES_MAX = 20_000;

async function collect(entry: FileSystemEntry, found: ChosenFile[]): Promise<void> {
  if (found.length >= FILES_MAX || entry.name.startsWith('.') || entry.name === 'node_modules') return;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    found.push({ path: entry.fullPath.replace(/^\//, ''), file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // Given out in parts, until there is none.
    const inside = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (inside.length === 0) return;
    for (const each of inside) await collect(each, found);
  }
}
