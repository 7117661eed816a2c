import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/** The repository. */
export const ROOT = resolve(import.meta.dir, '../..');

/** A fenced block of code on a page. */
export interface CodeBlock {
  /** `README.md:12`: the page and the line of the first line of code. */
  readonly at: string;
  readonly page: string;
  /** The first word behind the fence, `ts`. */
  readonly language: string;
  /** The other words, `run`. */
  readonly marks: readonly string[];
  readonly code: string;
}

/** Every page that users and contributors read, by its path in the repository. */
export const PAGES: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'ARCHITECTURE.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => `docs/${name}`),
].filter((page) => existsSync(join(ROOT, page)));

/** A file of the repository. */
export function readRepoFile(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The fenced blocks of a page, in order. */
export function codeBlocks(page: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { at: string; words: string[]; lines: string[] } | undefined;
  for (const [index, line] of readRepoFile(page).split('\n').entries()) {
    if (!line.startsWith('```')) open?.lines.push(line);
    else if (open === undefined) {
      open = { at: `${page}:${index + 2}`, words: line.slice(3).trim().split(/\s+/), lines: [] };
    } else {
      const [language = '', ...marks] = open.words;
      blocks.push({ at: open.at, page, language, marks, code: open.lines.join('\n') });
      open = undefined;
    }
  }
  if (open !== undefined) throw new Error(`${open.at}: the block is not closed.`);
  return blocks;
}

/** Every block of every page. */
export const BLOCKS: readonly CodeBlock[] = PAGES.flatMap(codeBlocks);

/** A page without its blocks of code. */
export function proseOf(page: string): string {
  return readRepoFile(page).replaceAll(/^```[^\n]*\n[\s\S]*?^```$/gm, '');
}

/** The rows of the first table on a page that has this heading as its first column, as cells without their back quotes. */
export function tableRows(page: string, firstHeading: string): string[][] {
  const lines = readRepoFile(page).split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${firstHeading} |`));
  if (start === -1) throw new Error(`${page} has no table "${firstHeading}".`);
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  return lines.slice(start + 2, end === -1 ? undefined : end).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

/** The link targets on a page that point into the repository, as paths in it, with the fragment apart. */
export function localLinks(page: string): { readonly path: string; readonly fragment: string | undefined }[] {
  const targets = [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '');
  return targets
    .filter((target) => !/^[a-z]+:/i.test(target))
    .map((target) => {
      const [path = '', fragment] = target.split('#');
      const file = path === '' ? join(ROOT, page) : join(ROOT, dirname(page), path);
      return { path: relative(ROOT, file), fragment };
    });
}

/** The anchors of a page's headings, as GitHub makes them. */
export function anchors(page: string): Set<string> {
  const headings = [...proseOf(page).matchAll(/^#{1,6} +(.+)$/gm)].map((match) => match[1] ?? '');
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(/\s/g, '-'),
    ),
  );
}
