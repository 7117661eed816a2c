import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { createServer } from 'node:net';
import { openSource } from '../../src/sources/open-source.ts';
import type { Source, SourceId } from '../../src/sources/source.ts';
import { parseSourceDefinition } from '../../src/sources/source-definition.ts';
import type { SqlSourceDefinition, SqlTableDefinition } from '../../src/sources/sql/sql-definition.ts';
import { sqlSource } from '../../src/sources/sql/sql-definition.ts';
import { type PostgresDatabase, type PostgresServer, startPostgres } from '../support/postgres-server.ts';
import { byKey, collect, describeSource, failureOf, noSignal } from './source-suite.ts';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 120_000);
afterAll(async () => {
  await server.stop();
}, 120_000);

const all = { signal: noSignal() };
const ARTICLES = { name: 'articles', key: 'id', content: '{{body}}' } satisfies SqlTableDefinition;

function sourceOf(
  url: string,
  tables: readonly SqlTableDefinition[],
  more: Partial<Omit<SqlSourceDefinition, 'kind' | 'tables'>> = {},
): Source {
  const definition = sqlSource({ name: 'shop', url: { env: 'SHOP_URL' }, tables, ...more });
  return openSource(parseSourceDefinition(JSON.parse(JSON.stringify(definition))), {
    environment: { SHOP_URL: url },
  });
}

/** Runs `use` with a new database that holds what `sql` says. */
async function withDatabase(sql: string, use: (database: PostgresDatabase) => Promise<void>): Promise<void> {
  const database = await server.database();
  try {
    await database.owner.query(sql);
    await use(database);
  } finally {
    await database.close();
  }
}

const KEY_TYPES: [string, (at: number) => SourceId][] = [
  ['bigint', (at) => at],
  ['text', (at) => `id-${at}`],
  ['uuid', (at) => `00000000-0000-4000-8000-${String(at).padStart(12, '0')}`],
];
for (const [type, id] of KEY_TYPES) {
  describeSource(`A PostgreSQL table with a key of ${type}`, async () => {
    const database = await server.database();
    await database.owner.query(`create table articles (id ${type} primary key, body text)`);
    return {
      source: sourceOf(database.url, [ARTICLES]),
      table: 'articles',
      id,
      async fill(records) {
        await database.owner.query('truncate articles');
        const ids = records.map(({ at }) => String(id(at)));
        const texts = records.map(({ text }) => text);
        await database.owner.query(`insert into articles select * from unnest($1::${type}[], $2::text[])`, [
          ids,
          texts,
        ]);
      },
      close: () => database.close(),
    };
  });
}

describe('A PostgreSQL table', () => {
  test('gives values of every kind as they are meant, whatever the session of its owner is set to', async () => {
    const sql = `alter role postgres set timezone = 'Asia/Tokyo'; alter role postgres set datestyle = 'German'; alter role postgres set bytea_output = 'escape';
      create table t (id char(6) primary key, i int, b bigint, n numeric(20,2), f float8, ok boolean, at timestamptz, local timestamp, d date, j jsonb, tags text[], raw bytea, bin bytea, u uuid, mood varchar(10), none text);
      insert into t values ('ab', 1, 9007199254740993, 12.50, 0.1, true, '2026-11-26 03:57:49.125+01', '2026-11-26 03:57:49', '2026-11-26', '{"a":[1]}', '{x,"y z"}', 'text', '\\xff00', '00000000-0000-4000-8000-000000000001', 'fine', null)`;
    await withDatabase(sql, async ({ url, owner }) => {
      const columns = ['i', 'b', 'n', 'f', 'ok', 'at', 'local', 'd', 'j', 'tags', 'raw', 'u', 'mood', 'none'];
      const content = columns.map((column) => `{{${column}}}`).join('|');
      const table: SqlTableDefinition = { name: 't', key: 'id', content, metadata: columns };
      expect(await collect(sourceOf(url, [table]).extractAll(all))).toEqual([
        {
          document: {
            key: 't/ab',
            content:
              '1|9007199254740993|12.50|0.1|true|2026-11-26T02:57:49.125Z|2026-11-26T03:57:49|2026-11-26|{"a":[1]}|x, y z|text|00000000-0000-4000-8000-000000000001|fine|',
            metadata: {
              i: 1,
              b: '9007199254740993',
              n: 12.5,
              f: 0.1,
              ok: true,
              at: '2026-11-26T02:57:49.125Z',
              local: '2026-11-26T03:57:49',
              d: '2026-11-26',
              j: { a: [1] },
              tags: ['x', 'y z'],
              raw: 'text',
              u: '00000000-0000-4000-8000-000000000001',
              mood: 'fine',
            },
          },
        },
      ]);
      const bytes = sourceOf(url, [{ ...table, content: '{{bin}}' }]);
      expect(byKey(await collect(bytes.extractByIds('t', ['ab'], all)))).toEqual({
        't/ab': 'INVALID_DOCUMENT',
      });
      await owner.query('alter role postgres reset all');
    });
  });

  test('is read as it was at one moment, while its owner goes on', async () => {
    const sql = `create table articles (id int primary key, body text); insert into articles select i, 'old' from generate_series(1, 3000) i`;
    await withDatabase(sql, async ({ url, owner }) => {
      const texts: string[] = [];
      for await (const record of sourceOf(url, [ARTICLES]).extractAll(all)) {
        if ('document' in record) texts.push(record.document.content);
        if (texts.length === 100) await owner.query(`update articles set body = 'new'`);
      }
      expect(texts).toHaveLength(3_000);
      expect(new Set(texts)).toEqual(new Set(['old']));
    });
  });

  test('cannot be written to, whatever the query says', async () => {
    await withDatabase(
      `create table articles (id int primary key, body text); insert into articles values (1, 'one')`,
      async ({ url, owner }) => {
        await owner.query(
          `create function wipe() returns int language sql as 'delete from articles returning id'`,
        );
        for (const query of [
          'delete from articles returning id, body',
          'with gone as (delete from articles returning *) select * from gone',
          'select 1 as id, 2 as body) as t; delete from articles; --',
          'select 1 as id, 2 as body) as t; commit; delete from articles; --',
          `select wipe() as id, 'x' as body`,
        ]) {
          expect(await failureOf(sourceOf(url, [{ ...ARTICLES, query }]).extractAll(all))).toBeDefined();
          const { rows } = await owner.query('select count(*)::int as n from articles');
          expect(rows).toEqual([{ n: 1 }]);
        }
      },
    );
  });

  test('may have any name, a schema, be a view or a query; composite keys and odd ids are bound, never written', async () => {
    const sql = `create schema "my shop"; create table "my shop"."od""d" (a int, b text, "the text; --" text, primary key (a, b));
      insert into "my shop"."od""d" values (1, 'x''); drop', 'one'), (2, 'y', 'two'); create view seen as select * from "my shop"."od""d"`;
    await withDatabase(sql, async ({ url }) => {
      const odd = { key: ['a', 'b'], content: '{{the text; --}}' };
      const source = sourceOf(url, [
        { ...odd, name: 'odd', schema: 'my shop', table: 'od"d' },
        { ...odd, name: 'seen' },
        { ...odd, name: 'q', query: 'select * from seen where a = 1 -- no more' },
      ]);
      const one = `1/x'); drop`;
      expect(byKey(await collect(source.extractAll(all)))).toEqual({
        [`odd/${one}`]: 'one',
        'odd/2/y': 'two',
        [`seen/${one}`]: 'one',
        'seen/2/y': 'two',
        [`q/${one}`]: 'one',
      });
      const ids: SourceId[] = [
        ['1', `x'); drop`],
        [2, `y' or true`],
        ['x', 'y'],
      ];
      expect(byKey(await collect(source.extractByIds('odd', ids, all)))).toEqual({
        [`odd/${one}`]: 'one',
        'odd/x/y': 'INVALID_SOURCE_ID',
      });
    });
  });

  test('refuses ids that cannot be keys one by one, and says what the key is', async () => {
    const sql = `create table articles (id int primary key, body text); insert into articles values (1, 'one'), (2, 'two');
      create table days (id date primary key, body text); insert into days values ('2026-11-26', 'today')`;
    await withDatabase(sql, async ({ url }) => {
      const source = sourceOf(url, [ARTICLES, { ...ARTICLES, name: 'days' }]);
      const records = await collect(
        source.extractByIds('articles', ['1', 'x', 2 ** 40, '1.5', 2, 'a\0b'], all),
      );
      expect(byKey(records)).toEqual({
        'articles/1': 'one',
        'articles/2': 'two',
        'articles/x': 'INVALID_SOURCE_ID',
        'articles/1.5': 'INVALID_SOURCE_ID',
        'articles/a\0b': 'INVALID_SOURCE_ID',
        [`articles/${2 ** 40}`]: 'INVALID_SOURCE_ID',
      });
      expect(JSON.stringify(records)).toContain('\\"id\\" is integer');
      const days = ['2026-11-26', 'some day', '2026-13-01', '2026-11-25'];
      expect(byKey(await collect(source.extractByIds('days', days, all)))).toEqual({
        'days/2026-11-26': 'today',
        'days/some day': 'INVALID_SOURCE_ID',
        'days/2026-13-01': 'INVALID_SOURCE_ID',
      });
    });
  });

  test('refuses rows whose key is missing or stands twice, and no other row', async () => {
    const sql = `create table t (id text, body text); insert into t values (null, 'n'), ('a', '1'), ('b', '2'), ('b', '3'), ('', 'e'), ('c', '4')`;
    await withDatabase(sql, async ({ url }) => {
      const records = await collect(sourceOf(url, [{ ...ARTICLES, name: 't' }]).extractAll(all));
      expect(byKey(records)).toEqual({
        't/a': '1',
        't/b': 'DUPLICATE_KEY',
        't/c': '4',
        't/(null)': 'INVALID_DOCUMENT',
      });
      expect(records).toHaveLength(6);
    });
  });

  test('that is not there, or has not the columns, is told with what there is', async () => {
    const sql = `create table articles (id int primary key, body text); create schema s; create table s.other (id int)`;
    await withDatabase(sql, async ({ url }) => {
      const cases: [SqlTableDefinition, string][] = [
        [{ ...ARTICLES, name: 'artikel' }, 'has no table "artikel"; there are articles, s.other.'],
        [{ ...ARTICLES, schema: 'none' }, 'has no table "none.articles"; there are articles, s.other.'],
        [{ ...ARTICLES, key: 'no' }, 'has no key column "no"; it has id, body.'],
        [{ ...ARTICLES, content: '{{text}}' }, 'has no column "text"; it has id, body.'],
        [{ ...ARTICLES, query: 'select no from articles' }, 'cannot be read: column "no" does not exist'],
      ];
      for (const [table, message] of cases) {
        const source = sourceOf(url, [table]);
        for (const records of [source.extractAll(all), source.extractByIds(table.name, [1], all)]) {
          const error = await failureOf(records);
          expect(error).toMatchObject({ code: 'INVALID_SOURCE', message: expect.stringContaining(message) });
        }
      }
    });
  });

  test('gives what was changed since a moment, by columns of several types', async () => {
    const sinceMs = Date.UTC(2026, 10, 26, 3);
    const sql = `create table t (id int primary key, body text, z timestamptz, p timestamp, d date, n bigint, w text);
      insert into t values (1, 'old', '2026-11-26 03:59:59+01', '2026-11-26 02:59:59', '2026-11-25', ${sinceMs / 1_000 - 1}, ''),
        (2, 'new', '2026-11-26 04:00:00+01', '2026-11-26 03:00:00', '2026-11-26', ${sinceMs}, ''), (3, 'unknown', null, null, null, null, null)`;
    await withDatabase(sql, async ({ url }) => {
      for (const updatedAt of ['z', 'p', 'd', 'n']) {
        const source = sourceOf(url, [{ ...ARTICLES, name: 't', updatedAt }]);
        expect(Object.keys(byKey(await collect(source.extractAll({ ...all, since: sinceMs }))))).toEqual([
          't/2',
          't/3',
        ]);
      }
      const wrong = sourceOf(url, [{ ...ARTICLES, name: 't', updatedAt: 'w' }]);
      const error = await failureOf(wrong.extractAll({ ...all, since: sinceMs }));
      expect(String(error)).toContain(
        'The column "w" of "t" in the source "shop" is text, which does not say when',
      );
    });
  });

  test('is given up when a statement takes too long, its owner holds a lock, or the signal is aborted', async () => {
    await withDatabase(`create table articles (id int primary key, body text)`, async ({ url, owner }) => {
      const sleeping: SqlTableDefinition = {
        ...ARTICLES,
        query: `select 1 as id, pg_sleep(60)::text as body`,
      };
      const slow = sourceOf(url, [sleeping], { statementMsMax: 200 });
      expect(await failureOf(slow.extractAll(all))).toMatchObject({
        code: 'SOURCE_STALLED',
        retryable: true,
      });
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 100);
      const aborted = failureOf(sourceOf(url, [sleeping]).extractAll({ signal: controller.signal }));
      expect(await aborted).toMatchObject({ code: 'ABORTED' });
      await owner.query('begin; lock table articles');
      const locked = sourceOf(url, [ARTICLES], { lockWaitMs: 50 });
      expect(await failureOf(locked.extractAll(all))).toMatchObject({ code: 'SOURCE_BUSY', retryable: true });
      await owner.query('commit');
    });
  });

  test('leaves no connection behind', async () => {
    const sql = `create table articles (id int primary key, body text); insert into articles select i, 'x' from generate_series(1, 3000) i`;
    await withDatabase(sql, async ({ url, owner }) => {
      const source = sourceOf(url, [ARTICLES]);
      await collect(source.extractAll(all));
      for await (const _ of source.extractAll(all)) break;
      await failureOf(sourceOf(url, [{ ...ARTICLES, key: 'no' }]).extractAll(all));
      const count = async (): Promise<unknown> =>
        (
          await owner.query(
            `select count(*)::int as n from pg_stat_activity where application_name = 'syncline'`,
          )
        ).rows[0].n;
      while ((await count()) !== 0) await new Promise((resolve) => setTimeout(resolve, 5));
    });
  });
});

describe('A PostgreSQL server', () => {
  test('that is not there, or refuses the user, is told apart, and no password is told', async () => {
    const database = await server.database();
    const taken = createServer((socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const url = new URL(database.url);
    const cases: [string, string][] = [
      [`postgres://u:secret-word@127.0.0.1:1/x`, 'SOURCE_UNREACHABLE'],
      // Listens, and says nothing.
      [`postgres://u:secret-word@127.0.0.1:${port}/x`, 'SOURCE_UNREACHABLE'],
      [`postgres://nobody:secret-word@${url.host}/shop_1`, 'SOURCE_UNREADABLE'],
      [`postgres://postgres:secret-word@${url.host}/nothing`, 'SOURCE_UNREADABLE'],
      [`postgres://u:secret-word@[broken/x`, 'INVALID_SOURCE'],
    ];
    for (const [wrong, code] of cases) {
      const error = await failureOf(sourceOf(wrong, [ARTICLES], { statementMsMax: 300 }).extractAll(all));
      expect(error).toMatchObject({ code });
      expect(Bun.inspect(error, { depth: 20 })).not.toContain('secret-word');
    }
    taken.close();
    await database.close();
  }, 120_000);

  test('that ends in the middle of reading is an error, not the end', async () => {
    const sql = `create table articles (id int primary key, body text); insert into articles select i, 'x' from generate_series(1, 3000) i`;
    await withDatabase(sql, async ({ url, owner }) => {
      const read = async (): Promise<void> => {
        for await (const _ of sourceOf(url, [ARTICLES]).extractAll(all))
          await owner.query(
            `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'syncline'`,
          );
      };
      expect(await read().catch((error: unknown) => error)).toMatchObject({
        code: 'SOURCE_UNREACHABLE',
        retryable: true,
      });
    });
  });

  test('without a URL in the environment is told by the name of the variable', async () => {
    const source = sourceOf('', [ARTICLES]);
    const error = await failureOf(source.extractAll(all));
    expect(error).toMatchObject({ code: 'INVALID_SOURCE' });
    expect(String(error)).toContain('reads the environment variable SHOP_URL, which is not set');
  });

  test('with a password in its stored URL is refused', () => {
    for (const url of [
      'postgres://u:p@h/d',
      'postgres://h/d?password=p',
      'libsql://h?authToken=t',
      'mysql://h/d',
    ])
      expect(() => parseSourceDefinition(sqlSource({ name: 'shop', url, tables: [ARTICLES] }))).toThrow(
        /The source "shop" has a field "url" that (?:holds a password or token|is neither)/,
      );
  });
});
