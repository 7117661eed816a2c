/*
 * What many datasets cost: making them, starting a worker over them, holding and resuming all of them, and what the server
 * answers meanwhile.
 *
 *     bun bench/many-datasets.ts [--datasets 1000]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { createLocalEmbedder, createSyncline, type Syncline } from '../src/index.ts';

const { values } = parseArgs({ options: { datasets: { type: 'string', default: '1000' } } });
const COUNT = Number(values.datasets);
const AT_ONCE = 8;

const dataDir = await mkdtemp(join(tmpdir(), 'syncline-many-'));
try {
  {
    await using runtime = open();
    await runtime.start();
    await measure('made and indexed', () => makeAll(runtime));
  }
  await using runtime = open();
  await measure('started', () => runtime.start());
  await measure('all at rest', () => untilAll(runtime, 'idle'));
  runtime.pause('bench');
  await measure('all paused', () => untilAll(runtime, 'paused'));
  runtime.resume('bench');
  await measure('all resumed and at rest', () => untilAll(runtime, 'idle'));
} finally {
  await rm(dataDir, { recursive: true, force: true });
}

function open(): Syncline {
  return createSyncline({ dataDir, environment: {}, embedder: createLocalEmbedder() });
}

async function makeAll(runtime: Syncline): Promise<void> {
  const numbers = Array.from({ length: COUNT }, (_, number) => number).values();
  // All of them take from the same numbers.
  const work = async (): Promise<void> => {
    for (const number of numbers) {
      const dataset = runtime.dataset(`many/set-${number}`);
      await dataset.create();
      await dataset.ingest([{ source: 'bench', key: 'one', content: `The page of set ${number}.` }]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** Until every dataset's actor is in this state. */
async function untilAll(runtime: Syncline, state: string): Promise<void> {
  const inState = (): number =>
    runtime.actors.list({ limit: COUNT + 1, machine: 'dataset' }).filter((actor) => actor.value === state)
      .length;
  while (inState() < COUNT) await new Promise((resolve) => setTimeout(resolve, 50));
}

async function measure(name: string, work: () => Promise<void>): Promise<void> {
  const startMs = performance.now();
  const { user, system } = process.cpuUsage();
  const lag = watchLag();
  await work();
  const wallMs = performance.now() - startMs;
  const used = process.cpuUsage({ user, system });
  const cpuMs = (used.user + used.system) / 1_000;
  process.stdout.write(
    `${name.padEnd(24)} ${(wallMs / 1_000).toFixed(2).padStart(7)} s  ${(wallMs / COUNT).toFixed(1).padStart(6)} ms a dataset  cpu ${(cpuMs / 1_000).toFixed(2)} s  lag max ${lag().toFixed(0)} ms\n`,
  );
}

/** The longest that the event loop was held. */
function watchLag(): () => number {
  let last = performance.now();
  let longest = 0;
  const timer = setInterval(() => {
    const now = performance.now();
    longest = Math.max(longest, now - last - 10);
    last = now;
  }, 10);
  return () => {
    clearInterval(timer);
    return longest;
  };
}
