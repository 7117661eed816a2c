/** How a file is read. */
export type FileKind = 'markdown' | 'text' | 'html' | 'jsonl';

const KINDS: Readonly<Record<string, FileKind>> = {
  '.md': 'markdown',
  '.mdx': 'markdown',
  '.markdown': 'markdown',
  '.txt': 'text',
  '.text': 'text',
  '.rst': 'text',
  '.adoc': 'text',
  '.asciidoc': 'text',
  '.org': 'text',
  '.tex': 'text',
  '.log': 'text',
  '.html': 'html',
  '.htm': 'html',
  '.xhtml': 'html',
  '.jsonl': 'jsonl',
  '.ndjson': 'jsonl',
};

/** The kind of a file by its lower-case extension (`".md"`); `undefined` when folders leave such files out. */
export function fileKind(extension: string): FileKind | undefined {
  return Object.hasOwn(KINDS, extension) ? KINDS[extension] : undefined;
}
