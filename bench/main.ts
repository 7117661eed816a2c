/*
 * Syncline against the bare floor, in one run on one machine: initial index, no change, 1 % changed, and a provider that
 * takes its time. Prints a table; ratios count, absolute times are this machine's.
 *
 *     bun bench/main.ts [--documents 10000]
 */
import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { editCorpus, makeCorpus, textsOf } from './corpus.ts';
import type { Measurement } from './measure.ts';

const { values } = parseArgs({ options: { documents: { type: 'string', default: '10000' } } });
const documentCount = Number(values.documents);
const workDir = join(tmpdir(), `syncline-bench-${process.pid}`);
const corpusDir = join(workDir, 'documents');

interface ProviderStats {
  readonly requests: number;
  readonly inputs: number;
  readonly busyMs: number;
}
type Run = Measurement & { readonly chunks: number } & Partial<ProviderStats>;

try {
  await makeCorpus(corpusDir, documentCount);
  await compare();
} finally {
  await rm(workDir, { recursive: true, force: true });
}

async function compare(): Promise<void> {
  const fast = await startProvider([]);
  const dataDir = join(workDir, 'syncline');
  const floor = await measured(fast, [
    'bench/floor.ts',
    'initial',
    corpusDir,
    join(workDir, 'floor'),
    fast.url,
    '8',
  ]);
  const initial = await measured(fast, ['bench/syncline.ts', corpusDir, dataDir, fast.url, '8']);
  report('initial: floor', floor);
  report('initial: syncline', initial, floor);

  const floorUnchanged = await measured(fast, ['bench/floor.ts', 'unchanged', corpusDir, '', '', '8']);
  const unchanged = await measured(fast, ['bench/syncline.ts', corpusDir, dataDir, fast.url, '8']);
  report('no change: floor', floorUnchanged);
  report('no change: syncline', unchanged, floorUnchanged);

  const editedCount = Math.ceil(documentCount / 100);
  const before = await textsOf(corpusDir, editedCount);
  await editCorpus(corpusDir, editedCount);
  const newTexts = (await textsOf(corpusDir, editedCount)).difference(before);
  const edited = await measured(fast, ['bench/syncline.ts', corpusDir, dataDir, fast.url, '8']);
  report('1 % changed: syncline', edited, floorUnchanged);
  process.stdout.write(`1 % changed: texts embedded ${edited.inputs}, texts that are new ${newTexts.size}\n`);
  fast.stop();

  const slow = await startProvider(['--latency-ms', '60', '--latency-ms-per-1k-tokens', '5']);
  const bound = await measured(slow, [
    'bench/syncline.ts',
    corpusDir,
    join(workDir, 'bound'),
    slow.url,
    '16',
    'started',
  ]);
  report('slow provider: syncline', bound);
  process.stdout.write(
    `slow provider: wall / provider busy = ${(bound.wallMs / (bound.busyMs ?? 1)).toFixed(3)}\n`,
  );
  slow.stop();
}

function report(name: string, run: Run, floor?: Run): void {
  const cell = (text: string, width: number): string => text.padStart(width);
  const ratio = floor === undefined ? '' : `${(run.cpuMs / floor.cpuMs).toFixed(2)} x`;
  process.stdout.write(
    `${[
      name.padEnd(26),
      cell(`cpu ${(run.cpuMs / 1_000).toFixed(2)} s`, 13),
      cell(ratio, 8),
      cell(`wall ${(run.wallMs / 1_000).toFixed(2)} s`, 14),
      cell(`rss ${run.peakRssMb.toFixed(0)} MB`, 13),
      cell(`lag p99 ${run.lagP99Ms.toFixed(1)} max ${run.lagMaxMs.toFixed(1)} ms`, 28),
      cell(`requests ${run.requests ?? 0}`, 14),
      cell(`inputs ${run.inputs ?? 0}`, 14),
      cell(`chunks ${run.chunks}`, 14),
    ].join('')}\n`,
  );
}

interface Provider {
  readonly url: string;
  stats(): Promise<ProviderStats>;
  reset(): Promise<void>;
  stop(): void;
}

async function startProvider(args: readonly string[]): Promise<Provider> {
  const child = spawn(
    process.execPath,
    ['test/support/embedding-server.ts', '--dimensions', '384', ...args],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const url = await new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.stdout.once('data', (data: Buffer) => resolve(data.toString().trim().split('\n')[0] ?? ''));
  });
  const origin = new URL(url).origin;
  return {
    url,
    stats: async () => (await (await fetch(`${origin}/stats`)).json()) as ProviderStats,
    reset: async () => void (await fetch(`${origin}/reset`, { method: 'POST' })),
    stop: () => child.kill(),
  };
}

async function measured(provider: Provider, args: readonly string[]): Promise<Run> {
  await provider.reset();
  const output = await new Promise<string>((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (data: Buffer) => {
      text += data.toString();
    });
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(text) : reject(new Error(`${args[0]} ended with ${code}`)),
    );
  });
  const run = JSON.parse(output.trim().split('\n').at(-1) ?? '{}') as Run;
  const { requests, inputs, busyMs } = await provider.stats();
  return { ...run, requests, inputs, busyMs };
}
