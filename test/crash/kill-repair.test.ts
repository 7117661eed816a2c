import { expect, test } from 'bun:test';
import process from 'node:process';
import { pause, startProgram } from '../support/child-program.ts';
import { openCrashRuntime } from '../support/crash-runtime.ts';
import { createRandom } from '../support/crash-source.ts';
import { openTableDirectly, readRows, recordAsMarked } from '../support/damage-table.ts';
import { startEmbeddingServer } from '../support/embedding-server.ts';
import { makeTempDir } from '../support/temp-dir.ts';

/** How often a repair is killed. More kills, or those of a run that failed: set these variables. */
const KILLS = Number(process.env.SYNCLINE_TEST_REPAIR_KILLS ?? 4);
const SEED = Number(process.env.SYNCLINE_TEST_SEED ?? Math.floor(Math.random() * 1_000_000));
/** About as long as the repair takes. */
const REPAIR_MS_MAX = 500;

const PROGRAM = new URL('../support/repair-worker.ts', import.meta.url);
const DOCUMENTS = Array.from({ length: 200 }, (_, number) => ({
  key: `${number}`,
  content: `Words of document ${number}.`,
}));

test(
  `a repair that is killed leaves nothing worse than it found, and the next one finishes it (seed ${SEED})`,
  async () => {
    const random = createRandom(`repairs ${SEED}`);
    await using provider = await startEmbeddingServer({ dimensions: 32 });
    using folder = makeTempDir();
    const dataDir = folder.join('data');
    const open = () => openCrashRuntime({ dataDir, baseUrl: provider.url, name: 'test', repairShareMax: 1 });
    await using first = open();
    await first.dataset('docs/all').ingest(DOCUMENTS, { mode: 'sync' });
    await first.stop();
    provider.reset();
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const table = await openTableDirectly({ dataDir });
      const sound = await readRows(table);
      await table.add(sound.slice(0, 20).map((row) => ({ ...row, chunk_id: row.chunk_id + 10_000n })));
      await table.add(sound.slice(20, 40));
      await table.delete(`chunk_id IN (${sound.slice(40, 80).map((row) => row.chunk_id)})`);
      await recordAsMarked({ dataDir }, table);

      const program = startProgram(PROGRAM, [dataDir, provider.url]);
      await program.said('ready');
      await pause(random() * REPAIR_MS_MAX);
      program.child.kill('SIGKILL');
      await program.ended;
      expect(program.output()).toMatch(/^ready\n(repaired\n)?$/);

      await using next = open();
      const dataset = next.dataset('docs/all');
      // What a worker does when it starts. A repair that had begun is finished by it; before that nothing was changed.
      await dataset.index();
      const report = await dataset.check({ level: 'deep' });
      if (!report.inSync) {
        expect(report).toMatchObject({
          missing: { count: 40 },
          extra: { count: 20 },
          duplicate: { count: 20 },
        });
        await dataset.check({ level: 'deep', repair: true });
      }
      await next.stop();
      expect(await readRows(await openTableDirectly({ dataDir }))).toEqual(sound);
    }
    expect(provider.stats().requests).toBe(0);
  },
  120_000 + KILLS * 30_000,
);
