import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openSource, type SqlSourceDefinition, sqlSource } from '../../src/index.ts';
import { startPostgres } from './postgres-server.ts';
import { startSqld } from './sqld-server.ts';

const ROWS = `create table articles (id integer primary key, body text); insert into articles values (1, 'one'), (2, 'two')`;
const signal = new AbortController().signal;

/** Reads a table of each kind of database. */
export async function smokeSources(folder: string): Promise<void> {
  const file = join(folder, 'shop.db');
  const owner = new DatabaseSync(file);
  owner.exec(ROWS);
  owner.close();
  await readArticles(file);

  const sqld = await startSqld(join(folder, 'sqld'));
  const { createClient } = await import('@libsql/client/web');
  await createClient({ url: sqld.url }).executeMultiple(ROWS);
  await readArticles(sqld.url).finally(() => sqld.kill());

  const postgres = await startPostgres();
  try {
    const database = await postgres.database();
    await database.owner.query(ROWS);
    await readArticles({ env: 'SHOP_URL' }, database.url);
    await database.close();
  } finally {
    await postgres.stop();
  }
}

async function readArticles(url: SqlSourceDefinition['url'], secret?: string): Promise<void> {
  const tables = [{ name: 'articles', key: 'id', content: '{{body}}' }];
  const source = openSource(sqlSource({ name: 'shop', url, tables }), { environment: { SHOP_URL: secret } });
  const texts: string[] = [];
  for await (const record of source.extractAll({ signal }))
    texts.push('document' in record ? record.document.content : record.refused.code);
  assert.deepEqual(texts, ['one', 'two']);
  for await (const record of source.extractByIds('articles', [2, 3], { signal }))
    assert.deepEqual(record, { document: { key: 'articles/2', content: 'two' } });
}
