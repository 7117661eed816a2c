import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createServer } from 'node:http';
import { type Client, createClient } from '@libsql/client/web';
import { openSource } from '../../src/sources/open-source.ts';
import type { Source } from '../../src/sources/source.ts';
import { parseSourceDefinition } from '../../src/sources/source-definition.ts';
import type { SqlSourceDefinition, SqlTableDefinition } from '../../src/sources/sql/sql-definition.ts';
import { sqlSource } from '../../src/sources/sql/sql-definition.ts';
import { type SqldServer, startSqld } from '../support/sqld-server.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { byKey, collect, describeSource, failureOf, noSignal } from './source-suite.ts';

let dir: TempDir;
let server: SqldServer;
let owner: Client;
beforeAll(async () => {
  dir = makeTempDir();
  server = await startSqld(dir.path);
  owner = createClient({ url: server.url });
}, 120_000);
afterAll(async () => {
  owner.close();
  await server.kill();
  dir.remove();
});

const all = { signal: noSignal() };
const ARTICLES = { name: 'articles', key: 'id', content: '{{body}}' } satisfies SqlTableDefinition;

function sourceOf(
  url: string,
  tables: readonly SqlTableDefinition[],
  more: Partial<Omit<SqlSourceDefinition, 'kind' | 'tables'>> = {},
): Source {
  const definition = parseSourceDefinition(sqlSource({ name: 'shop', url, tables, ...more }));
  return openSource(definition, { environment: { SHOP_TOKEN: 'secret-word' } });
}

for (const scheme of ['http', 'ws']) {
  describeSource(`A libSQL server over ${scheme}`, async () => {
    await owner.executeMultiple(
      'drop table if exists articles; create table articles (id text primary key, body text)',
    );
    return {
      source: sourceOf(server.url.replace('http', scheme), [ARTICLES]),
      table: 'articles',
      id: (at) => `id-${at}`,
      async fill(records) {
        const rows = JSON.stringify(records.map(({ at, text }) => [`id-${at}`, text]));
        await owner.batch(
          [
            'delete from articles',
            {
              sql: `insert into articles select value ->> 0, value ->> 1 from json_each(?)`,
              args: [rows],
            },
          ],
          'write',
        );
      },
      close: () => Promise.resolve(),
    };
  });
}

describe('A libSQL server', () => {
  test('gives values of every kind, and tables, views and queries under any name', async () => {
    await owner.executeMultiple(`drop table if exists "o""d"; create table "o""d" (id integer primary key, n integer, ok boolean, j json, b blob, t text);
      insert into "o""d" values (1, 9007199254740993, 1, '{"a":[1]}', x'68c3a9', 'a' || char(0)), (2, 1.5, 0, null, x'ff', null)`);
    const table: SqlTableDefinition = {
      name: 'odd',
      table: 'o"d',
      key: 'id',
      content: '{{n}} {{b}}',
      metadata: ['n', 'ok', 'j'],
    };
    const [first, second] = await collect(sourceOf(server.url, [table]).extractAll(all));
    expect(first).toEqual({
      document: {
        key: 'odd/1',
        content: '9007199254740993 hé',
        metadata: { n: '9007199254740993', ok: true, j: { a: [1] } },
      },
    });
    expect(second).toMatchObject({ refused: { key: 'odd/2', code: 'INVALID_DOCUMENT' } });
    const query = 'select id, t as b, n from "o""d" where id = 1 -- no more';
    const source = sourceOf(server.url, [{ name: 'q', query, key: 'id', content: '{{b}}' }]);
    expect(byKey(await collect(source.extractByIds('q', [1, 2], all)))).toEqual({ 'q/1': 'a\0' });
  });

  test('is not written to, whatever the query says', async () => {
    await owner.executeMultiple(
      'drop table if exists kept; create table kept (id integer primary key, body text); insert into kept values (1, 2)',
    );
    for (const query of [
      'delete from kept returning id, body',
      'select 1 as id, 2 as body) as t; delete from kept; --',
      'select id, body from kept; delete from kept',
    ]) {
      const error = await failureOf(sourceOf(server.url, [{ ...ARTICLES, query }]).extractAll(all));
      expect(error).toMatchObject({ code: 'INVALID_SOURCE' });
      expect((await owner.execute('select count(*) as n from kept')).rows[0]?.n).toBe(1);
    }
  });

  test('that has not what was declared says what it has', async () => {
    await owner.executeMultiple(
      'drop table if exists kept; create table kept (id integer primary key, body text)',
    );
    const missing = await failureOf(sourceOf(server.url, [{ ...ARTICLES, name: 'none' }]).extractAll(all));
    expect(String(missing)).toMatch(/has no table "none"; there are .*kept/);
    const column = await failureOf(
      sourceOf(server.url, [{ ...ARTICLES, name: 'kept', content: '{{text}}' }]).extractAll(all),
    );
    expect(String(column)).toContain('has no column "text"; it has id, body.');
  });

  test('answers with as much as it may: rows of some megabytes come in pages that fit', async () => {
    await owner.executeMultiple(`drop table if exists large; create table large (id integer primary key, body text);
      with recursive n(i) as (select 1 union all select i + 1 from n where i < 12) insert into large select i, printf('%.*c', 2000000, 'x') from n`);
    const records = await collect(sourceOf(server.url, [{ ...ARTICLES, name: 'large' }]).extractAll(all));
    expect(records.map((record) => 'document' in record && record.document.content.length)).toEqual(
      Array.from({ length: 12 }, () => 2_000_000),
    );
  }, 120_000);

  test('that hangs, refuses the token, answers nonsense or is not there is told apart, and no token is told', async () => {
    const answers: Record<string, number> = {
      '/401/v2/pipeline': 401,
      '/500/v2/pipeline': 500,
      '/200/v2/pipeline': 200,
    };
    const http = createServer((request, response) => {
      const status = answers[request.url ?? ''];
      if (status !== undefined) response.writeHead(status).end('token secret-word is not as it should be');
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const address = http.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const cases: [string, string, RegExp][] = [
      [`http://127.0.0.1:${port}/hang/`, 'SOURCE_UNREACHABLE', /no answer within 300 ms/],
      [`ws://127.0.0.1:${port}/hang/`, 'SOURCE_UNREACHABLE', /./],
      [`http://127.0.0.1:${port}/401/`, 'SOURCE_UNREADABLE', /refused the token \(HTTP 401\)/],
      [`http://127.0.0.1:${port}/500/`, 'SOURCE_UNREACHABLE', /HTTP/],
      [`http://127.0.0.1:${port}/200/`, 'SOURCE_UNREACHABLE', /./],
      ['http://127.0.0.1:1/', 'SOURCE_UNREACHABLE', /./],
    ];
    for (const [url, code, message] of cases) {
      const source = sourceOf(url, [ARTICLES], { authToken: { env: 'SHOP_TOKEN' }, statementMsMax: 300 });
      const error = await failureOf(source.extractAll(all));
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
      expect(Bun.inspect(error, { depth: 20 })).not.toContain('secret-word');
    }
    http.closeAllConnections();
    http.close();
  });
});
