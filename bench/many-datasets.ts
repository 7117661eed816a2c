/*
 * What many datasets cost: making them, starting a worker over them, holding and resuming all of them; and the same again while
 * somebody looks on: a client of the event stream that reads all statuses anew as the dashboard does.
 *
 *     bun bench/many-datasets.ts [--datasets 1000]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { startHttpServer } from '../src/http/server.ts';
import { createLocalEmbedder, createSyncline, type Syncline } from '../src/index.ts';

const { values } = parseArgs({ options: { datasets: { type: 'string', default: '1000' } } });
const COUNT = Number(values.datasets);
const AT_ONCE = 8;
/** A turn's length is told this exactly: two turns in such a time are counted as one. */
const WATCH_EVERY_MS = 2;
/** Of Bun, and of Node from 23.9 on; the types are of an earlier one. */
const { threadCpuUsage } = process as typeof process & { threadCpuUsage(): NodeJS.CpuUsage };

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
  const alone = await pauseAndResume(runtime, '');
  const server = startHttpServer(runtime, { port: 0, requestsPerSecondMax: 0 });
  const leave = await lookOn(server.url);
  await measure('all statuses read', () => readStatuses(server.url));
  const watched = await pauseAndResume(runtime, ', watched');
  const { events, readings } = await leave();
  await server.close(1_000);
  process.stdout.write(
    `watched by one: ${(watched / alone).toFixed(2)} × the CPU of alone; ${events} bytes of events, all statuses read ${readings} times\n`,
  );
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

/** Until every dataset's actor has said that it is in this phase. Asks for little: what is measured is not the asking. */
async function untilAll(runtime: Syncline, phase: string): Promise<void> {
  const inPhase = async (): Promise<number> => {
    const { context } = await runtime.actors.get('supervisor');
    return context !== undefined && 'phaseCounts' in context ? (context.phaseCounts[phase] ?? 0) : 0;
  };
  while ((await inPhase()) < COUNT) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Milliseconds of CPU that both took. */
async function pauseAndResume(runtime: Syncline, how: string): Promise<number> {
  runtime.pause('bench');
  const pausing = await measure(`all paused${how}`, () => untilAll(runtime, 'paused'));
  runtime.resume('bench');
  return pausing + (await measure(`all resumed${how}`, () => untilAll(runtime, 'idle')));
}

async function readStatuses(url: string): Promise<void> {
  let after = '';
  do {
    const response = await fetch(`${url}/v1/statuses?limit=500${after && `&after=${after}`}`);
    const { next = '' } = (await response.json()) as { readonly next?: string };
    after = next;
  } while (after !== '');
}

/** Follows the events of all, and reads all statuses while something happens, for a fifth of the time as a page does. */
async function lookOn(url: string): Promise<() => Promise<{ events: number; readings: number }>> {
  const end = new AbortController();
  const seen = { events: 0, readings: 0 };
  const response = await fetch(`${url}/v1/events`, { signal: end.signal });
  let reading = Promise.resolve();
  const follow = async (): Promise<void> => {
    let restUntilMs = 0;
    try {
      for await (const bytes of response.body ?? []) {
        seen.events += bytes.length;
        const startMs = performance.now();
        if (startMs < restUntilMs) continue;
        restUntilMs = Number.POSITIVE_INFINITY;
        reading = readStatuses(url).then(() => {
          seen.readings += 1;
          restUntilMs = performance.now() + (performance.now() - startMs) * 4;
        });
      }
    } catch (error) {
      if (!end.signal.aborted) throw error;
    }
  };
  const following = follow();
  return async () => {
    end.abort();
    await following;
    await reading;
    return seen;
  };
}

/** Tells what `work` took; returns its milliseconds of CPU. */
async function measure(name: string, work: () => Promise<void>): Promise<number> {
  const startMs = performance.now();
  const { user, system } = process.cpuUsage();
  const loop = watchLoop();
  await work();
  const wallMs = performance.now() - startMs;
  const used = process.cpuUsage({ user, system });
  const cpuMs = (used.user + used.system) / 1_000;
  const { lagMs, heldMs } = loop();
  process.stdout.write(
    `${name.padEnd(24)} ${(wallMs / 1_000).toFixed(2).padStart(7)} s  ${(wallMs / COUNT).toFixed(1).padStart(6)} ms a dataset  cpu ${(cpuMs / 1_000).toFixed(2)} s  held max ${heldMs.toFixed(0)} ms  lag max ${lagMs.toFixed(0)} ms\n`,
  );
  return cpuMs;
}

/**
 * The longest that the event loop was held between two turns: by the CPU of its thread (`held`), and by the clock (`lag`), which
 * on a machine with other work counts that as well.
 */
function watchLoop(): () => { lagMs: number; heldMs: number } {
  let last = performance.now();
  let lastCpu = threadCpuUsage();
  const longest = { lagMs: 0, heldMs: 0 };
  const timer = setInterval(() => {
    const now = performance.now();
    longest.lagMs = Math.max(longest.lagMs, now - last - WATCH_EVERY_MS);
    last = now;
    const cpu = threadCpuUsage();
    const used = cpu.user + cpu.system - lastCpu.user - lastCpu.system;
    longest.heldMs = Math.max(longest.heldMs, used / 1_000);
    lastCpu = cpu;
  }, WATCH_EVERY_MS);
  return () => {
    clearInterval(timer);
    return longest;
  };
}
