import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { prepareChunks } from '../src/chunking/prepare-chunks.ts';
import { runInSlices } from '../src/chunking/run-in-slices.ts';
import { prepareDocument } from '../src/domain/document.ts';
import { toHex } from '../src/domain/hash.ts';

/**
 * Makes a folder of `count` Markdown documents of about 3 kB out of real documentation. Each paragraph carries the
 * document's number, so that no two documents share a text and nothing is saved by reuse.
 */
export async function makeCorpus(folder: string, count: number): Promise<void> {
  const sections = await realSections();
  await mkdir(folder, { recursive: true });
  for (let number = 0; number < count; number += 1) {
    await writeFile(join(folder, fileName(number)), makeDocument(sections, number, 0));
  }
}

/** Rewrites one section of the documents `0 … count - 1`, as an edit would. */
export async function editCorpus(folder: string, count: number): Promise<void> {
  for (let number = 0; number < count; number += 1) {
    const path = join(folder, fileName(number));
    const content = await readFile(path, 'utf8');
    await writeFile(
      path,
      `${content}\n## Changed in document ${number}\n\nA sentence that was not here before: ${number}.\n`,
    );
  }
}

/** The embedded texts of the documents `0 … count - 1`, by hash. */
export async function textsOf(folder: string, count: number): Promise<Set<string>> {
  const hashes = new Set<string>();
  for (let number = 0; number < count; number += 1) {
    const content = await readFile(join(folder, fileName(number)), 'utf8');
    const document = prepareDocument(
      { key: fileName(number), content },
      { fields: {}, contentLengthMax: 1e9 },
    );
    for (const chunk of await runInSlices(prepareChunks(document, { tokensPerChunkMax: 512 })))
      hashes.add(toHex(chunk.textHash));
  }
  return hashes;
}

/**
 * Makes `count` passages of some 400 characters out of real documentation: each is some sentences of one section, so that
 * passages of a section are near each other, as those of a real corpus are. The same each time on the same files.
 */
export async function makePassages(count: number): Promise<string[]> {
  const sections = (await realSections())
    .map((section) => section.split(/(?<=[.!?:;])\s+|\n+/).filter((sentence) => sentence.length > 15))
    .filter((sentences) => sentences.length >= 3);
  const random = createRandom(1);
  const pick = <Item>(items: readonly Item[]): Item | undefined => items[Math.floor(random() * items.length)];
  const passages = new Set<string>();
  while (passages.size < count) {
    const sentences = pick(sections) ?? [];
    // A sentence of elsewhere keeps passages of short sections apart.
    const parts = [
      ...Array.from({ length: 3 + Math.floor(random() * 4) }, () => pick(sentences)),
      pick(pick(sections) ?? []),
    ];
    passages.add(parts.join(' ').slice(0, 900));
  }
  return [...passages];
}

/** Numbers from 0 to below 1, the same ones for a seed (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function fileName(number: number): string {
  return `document-${String(number).padStart(6, '0')}.md`;
}

const DOCUMENT_LENGTH = 1_900;

function makeDocument(sections: readonly string[], number: number, seed: number): string {
  let text = `# Document ${number}\n\n`;
  for (let index = number * 7 + seed; text.length < DOCUMENT_LENGTH; index += 1) {
    const section = sections[index % sections.length] ?? '';
    text += `${section.replaceAll('\n\n', `\n\n(${number}.${index}) `).slice(0, 3_000)}\n\n`;
  }
  return text;
}

/** Sections of the shared corpus where it is at hand, else of the packages' own documentation. */
async function realSections(): Promise<string[]> {
  const shared = new URL('../../shared/corpora/hono-docs-new', import.meta.url).pathname;
  const root = existsSync(shared) ? shared : new URL('../node_modules', import.meta.url).pathname;
  const names = (await readdir(root, { recursive: true })).filter((name) => name.endsWith('.md')).sort();
  const sections: string[] = [];
  for (const name of names.slice(0, 400)) {
    const text = await readFile(join(root, name), 'utf8');
    sections.push(...text.split(/\n(?=##? )/).filter((section) => section.length > 200));
  }
  return sections;
}
