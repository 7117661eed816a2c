import { Database } from 'bun:sqlite';
import { afterAll, beforeAll, expect, test } from 'bun:test';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sqlSource } from '../../../src/index.ts';
import { type PostgresServer, startPostgres } from '../../support/postgres-server.ts';
import { makeTempDir } from '../../support/temp-dir.ts';
import { rejectionOf, startTestRuntime } from '../../support/test-runtime.ts';

/* Databases behind a dataset: what a run brings in, takes away, and leaves alone. */

const TABLES = [
  { name: 'articles', key: 'id', title: '{{title}}', content: '{{body}}', updatedAt: 'at' },
  { name: 'notes', key: 'id', content: '{{body}}' },
];
const MAKE = `create table articles (id integer primary key, title varchar(50), body text, at timestamp);
  create table notes (id integer primary key, body text);
  insert into articles values (1, 'Lamp', 'It gives light.', '2026-01-01 00:00:00'), (2, 'Table', 'It carries lamps.', '2026-01-01 00:00:00'), (3, 'Chair', 'To sit on.', '2026-01-01 00:00:00');
  insert into notes values (1, 'A note on lamps.'), (2, 'Another note.');`;

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 120_000);
afterAll(() => server.stop(), 60_000);

/** A database that its owner writes to. */
interface Owned {
  readonly url: string;
  run(sql: string): Promise<unknown>;
  close(): Promise<void>;
}

async function makeSqlite(): Promise<Owned> {
  const dir = makeTempDir();
  const database = new Database(dir.join('shop.db'));
  return {
    url: dir.join('shop.db'),
    run: async (sql) => database.exec(sql),
    async close() {
      database.close();
      dir.remove();
    },
  };
}

async function makePostgres(): Promise<Owned> {
  const { url, owner, close } = await server.database();
  return { url, run: (sql) => owner.query(sql), close };
}

for (const [name, make] of [
  ['SQLite', makeSqlite],
  ['PostgreSQL', makePostgres],
] as const) {
  test(`${name} is indexed whole, by deltas and by what changed since, and its address is written nowhere`, async () => {
    const owned = await make();
    await owned.run(MAKE);
    const { runtime, provider, dataDir, events } = await startTestRuntime({
      environment: { SHOP_URL: owned.url },
    });
    const dataset = runtime.dataset('shop/all');
    await dataset.create();
    await dataset.setSources([sqlSource({ name: 'shop', url: { env: 'SHOP_URL' }, tables: TABLES })]);
    await dataset.ingest([{ key: 'pushed', content: 'Pushed by hand.' }], { mode: 'sync' });
    expect(await dataset.index({ full: true })).toMatchObject({
      readCount: 5,
      addedCount: 5,
      removedCount: 0,
    });
    expect((await dataset.search('lamp', { limit: 1 }))[0]?.source).toBe('shop');

    provider.reset();
    await owned.run(`update articles set body = 'It gives warm light.', at = '2126-01-01 00:00:00' where id = 1;
      delete from articles where id = 3; insert into notes values (3, 'A new note.')`);
    const delta = await dataset.index({ changedIds: { articles: [1, 2, 3, 'no id'], notes: ['3', 99] } });
    expect(delta).toMatchObject({ unchangedCount: 1, changedCount: 1, addedCount: 1, removedCount: 1 });
    expect(delta.refused).toMatchObject([{ key: 'articles/no id', code: 'INVALID_SOURCE_ID' }]);
    expect(provider.stats()).toMatchObject({ inputs: 2 });

    await owned.run(`update articles set body = 'Unseen.' where id = 2; delete from notes where id = 1`);
    // The row tells that it is as old as ever; the table without such a column is read whole.
    expect(await dataset.index()).toMatchObject({ changedCount: 0, removedCount: 0 });
    expect(await dataset.index({ full: true })).toMatchObject({ changedCount: 1, removedCount: 1 });
    expect(await dataset.status()).toMatchObject({ counts: { documents: 5 } });

    await owned.run('alter table articles rename column body to text');
    const error = await rejectionOf(dataset.index({ full: true }));
    expect(error).toMatchObject({ code: 'INVALID_SOURCE' });
    expect(String(error)).toContain('has no column "body"; it has id, title, text, at.');
    expect(await dataset.status()).toMatchObject({ counts: { documents: 5 } });

    await runtime.stop();
    const secret = name === 'PostgreSQL' ? 'p%40ss' : owned.url;
    expect(JSON.stringify(events)).not.toContain(secret);
    for (const file of filesIn(dataDir)) expect(readFileSync(file).includes(secret)).toBe(false);
    await owned.close();
  }, 120_000);
}

test('a database that its owner has locked ends a full run, which removes nothing', async () => {
  const owned = await makeSqlite();
  await owned.run(MAKE);
  const { runtime } = await startTestRuntime();
  const dataset = runtime.dataset('shop/all');
  await dataset.create();
  await dataset.setSources([sqlSource({ name: 'shop', url: owned.url, tables: TABLES, lockWaitMs: 30 })]);
  await dataset.index({ full: true });
  await owned.run('begin exclusive; delete from articles');
  expect(await rejectionOf(dataset.index({ full: true }))).toMatchObject({
    code: 'SOURCE_BUSY',
    retryable: true,
  });
  expect(await dataset.status()).toMatchObject({ counts: { documents: 5 } });
  await owned.run('commit');
  expect(await dataset.index({ full: true })).toMatchObject({ removedCount: 3 });
  await owned.close();
});

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => statSync(path).isFile());
}
