/*
 * Takes out of an installed node_modules what the container never loads; for the Dockerfile, whose image has a size to keep.
 *
 *     bun scripts/prune-packages.ts node_modules
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';

/** Whole packages and parts of packages, below node_modules. */
const PARTS = [
  // Libraries for another libc.
  '@libsql/linux-x64-musl',
  '@libsql/linux-arm64-musl',
  // Sources beside the code made of them, the same code for browsers, and as CommonJS where modules are loaded.
  'apache-arrow/src',
  'gpt-tokenizer/cjs',
  'gpt-tokenizer/src',
  'hono/dist/cjs',
  'openai/src',
  'yaml/browser',
  'zod/src',
  '@google/genai/dist/index.cjs',
  '@google/genai/dist/index.mjs',
  '@google/genai/dist/node/index.cjs',
  '@google/genai/dist/web',
  // Tokens are counted by one encoding, cl100k.
  'gpt-tokenizer/data',
  'gpt-tokenizer/esm/bpeRanks/o200k_base.js',
  'gpt-tokenizer/esm/bpeRanks/p50k_base.js',
  'gpt-tokenizer/esm/bpeRanks/r50k_base.js',
  'gpt-tokenizer/esm/model',
] as const;

/** Types, source maps, and scripts for a page's script tag. */
const FILES = /\.(map|d\.[cm]?ts|min\.js)$/;
const TEST_FOLDERS: readonly string[] = ['test', 'tests', '__tests__'];

const [root] = process.argv.slice(2);
if (root === undefined) throw new Error('Name the node_modules folder that is to be pruned.');
for (const part of PARTS) await rm(join(root, part), { recursive: true, force: true });
await prune(root);

async function prune(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory() && TEST_FOLDERS.includes(entry.name)) await rm(path, { recursive: true });
    else if (entry.isDirectory()) await prune(path);
    else if (FILES.test(entry.name)) await rm(path);
  }
}
