import { expect, test } from 'bun:test';
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createLanceVectorStore } from '../../src/vectors/lance-vector-store.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const KILLS = 15;
const spec = { dimensions: 64, fields: {} };

/** Lets a writer commit and maintain for a while, and kills it. */
async function killAfter(folder: string, delayMs: number): Promise<void> {
  const program = new URL('../support/commit-until-killed.ts', import.meta.url).pathname;
  const child = spawn(process.execPath, [program, folder, String(spec.dimensions)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, LANCEDB_LOG: 'error' },
  });
  const closed = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once('close', (_, signal) => resolve(signal)),
  );
  await new Promise((resolve) => child.stdout.once('data', resolve));
  await Bun.sleep(delayMs);
  child.kill('SIGKILL');
  expect(await closed).toBe('SIGKILL');
}

test('what writers leave that are killed while they commit and maintain is swept, and no row with it', async () => {
  using folder = makeTempDir();
  const open = async () => {
    const store = createLanceVectorStore({ uri: folder.path, durable: false, cleanupGraceMs: 0 });
    return { store, table: await store.openTable('t', spec) };
  };
  const first = createLanceVectorStore({ uri: folder.path, durable: false });
  await first.createTable('t', spec);
  await first.close();
  // Not waiting for a condition: the moment of the kill is what is drawn.
  for (let kill = 0; kill < KILLS; kill += 1) await killAfter(folder.path, 5 + kill * 17);

  const { store, table } = await open();
  const { rowCount, version } = await table.state();
  expect(rowCount).toBeGreaterThan(0);
  let recordedVersion = version;
  for (let round = 0; round < 3; round += 1) {
    recordedVersion = (await table.maintain({ recordedVersion })).version;
  }
  const { reclaimableBytes, totalBytes, fragmentCount } = await table.statistics();
  const files = readdirSync(folder.join('t.lance'), { recursive: true }).map(String);
  expect(files.filter((file) => /\.tmp|#1$/.test(file))).toEqual([]);
  expect(files.filter((file) => file.startsWith('data/'))).toHaveLength(fragmentCount);
  expect(reclaimableBytes).toBeLessThan(totalBytes / 10);
  let found = 0;
  for (let firstId = 1; firstId <= rowCount; firstId += 10_000) {
    const { rows } = await table.readDocuments({ firstId, lastId: firstId + 9_999 });
    found += new Set(rows.map(({ chunkId }) => chunkId)).size;
  }
  expect(found).toBe(rowCount);
  await store.close();
}, 120_000);
