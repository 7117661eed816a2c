import { expect, test } from 'bun:test';
import process from 'node:process';
import { type BatchOperation, startBatchServer } from '../support/batch-server.ts';
import { documentsOf, openBatchRuntime } from '../support/batch-worker.ts';
import { pause, startProgram } from '../support/child-program.ts';
import { createRandom } from '../support/crash-source.ts';
import { makeTempDir } from '../support/temp-dir.ts';

/** How often a worker is killed. More kills, or those of a run that failed: set these variables. */
const KILLS = Number(process.env.SYNCLINE_TEST_BATCH_KILLS ?? 12);
const SEED = Number(process.env.SYNCLINE_TEST_SEED ?? Math.floor(Math.random() * 1_000_000));
/** About as long as a job takes from its documents to its end. */
const JOB_MS_MAX = 400;
/** Where a worker is killed that does not come to what it is to be killed at. */
const ROUND_MS_MAX = 3_000;

const PROGRAM = new URL('../support/batch-worker.ts', import.meta.url);
const OPERATIONS: readonly BatchOperation[] = [
  'upload',
  'create',
  'look',
  'content',
  'removeFile',
  'listBatches',
];

test(
  `workers that are killed around batch jobs lose nothing and pay for nothing twice (seed ${SEED})`,
  async () => {
    const random = createRandom(`batches ${SEED}`);
    await using server = await startBatchServer({ dimensions: 8 });
    using folder = makeTempDir();
    const dataDir = folder.join('data');
    const killedAt = new Map<string, number>();
    for (let round = 1; round <= KILLS; round += 1) {
      const program = startProgram(PROGRAM, [dataDir, server.url, String(round)]);
      const kill = (where: string): void => {
        if (program.child.killed) return;
        killedAt.set(where, (killedAt.get(where) ?? 0) + 1);
        program.child.kill('SIGKILL');
      };
      const operation = OPERATIONS[Math.floor(random() * OPERATIONS.length)];
      const moment = random() < 0.5 ? 'before' : 'after';
      const isTimed = random() < 0.25;
      server.watch = (asked, when) => {
        if (!isTimed && asked === operation && when === moment) kill(`${when} ${asked}`);
      };
      await program.said('ready');
      const waitMs = isTimed ? random() * JOB_MS_MAX : ROUND_MS_MAX;
      await Promise.race([program.ended, pause(waitMs)]);
      kill('some time');
      server.watch = undefined;
      expect([await program.ended, program.output()]).toEqual(['SIGKILL', 'ready\n']);
    }

    await using last = openBatchRuntime(dataDir, server.url);
    const dataset = last.dataset('docs/all');
    await last.start();
    const expected = Array.from({ length: KILLS }, (_, index) => documentsOf(index + 1)).flat();
    while ((await dataset.status()).counts.indexedChunks < expected.length) await pause(20);
    // Nothing is left at the provider, neither files nor jobs at work.
    while (server.files.size > 0) await pause(20);
    expect([...server.batches.values()].map(({ status }) => status)).toEqual(
      [...server.batches.values()].map(() => 'completed'),
    );
    // Every text once, and nothing directly.
    expect(server.charged.length).toBe(expected.length);
    expect(new Set(server.charged).size).toBe(expected.length);
    expect(server.direct.texts).toEqual([]);
    expect(await dataset.check({ level: 'deep' })).toMatchObject({
      inSync: true,
      tableRowCount: expected.length,
    });
    const { items } = await last.batch.list({ limit: 100 });
    expect(items.filter(({ nextStep }) => nextStep !== 'done')).toEqual([]);
    if (process.env.SYNCLINE_TEST_BATCH_KILLS !== undefined) console.info(Object.fromEntries(killedAt));
  },
  KILLS * 20_000 + 60_000,
);
