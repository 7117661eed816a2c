import { describe, expect, test } from 'bun:test';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { readByIds } from '../../src/sources/read-source.ts';
import type { SourceId, SourceRecord } from '../../src/sources/source.ts';
import { parseSourceDefinition } from '../../src/sources/source-definition.ts';
import type { SqlTableDefinition } from '../../src/sources/sql/sql-definition.ts';
import { byKey, collect, failureOf, noSignal } from './source-suite.ts';
import { makeFile } from './sqlite-fixture.ts';

const all = { signal: noSignal() };
const TABLE = { name: 't', key: 'id', content: '{{a}}' } satisfies SqlTableDefinition;

/** The records of one table that `sql` makes. */
async function read(sql: string, table: Partial<SqlTableDefinition> = {}): Promise<SourceRecord[]> {
  using file = makeFile(sql);
  return await collect(file.source([{ ...TABLE, ...table }]).extractAll(all));
}

async function readIds(
  sql: string,
  ids: SourceId[],
  table: Partial<SqlTableDefinition> = {},
): Promise<unknown> {
  using file = makeFile(sql);
  return byKey(await collect(file.source([{ ...TABLE, ...table }]).extractByIds('t', ids, all)));
}

test('a table is declared with all that it needs, and with a column in its content', () => {
  const wrong: [object, string][] = [
    [
      { name: 't', key: 'id', contents: '{{a}}' },
      '"content" that is missing; "contents" may have been meant for it.',
    ],
    [{ name: 't', kee: 'id', content: '{{a}}' }, '"key" that is missing; "kee" may have been meant for it.'],
    [{ name: 't', key: 'id', body: 'x' }, '"content" that is missing; there are name, key, body.'],
    [
      { ...TABLE, content: 'hello' },
      '"content" that names no column, so that every row would have the same text.',
    ],
    [{ ...TABLE, content: '\\{{a}} {a}' }, 'Name some in double braces: "{{title}}".'],
  ];
  for (const [table, message] of wrong) {
    const read = () => parseSourceDefinition({ kind: 'sql', name: 'shop', url: 'shop.db', tables: [table] });
    expect(read).toThrow(`The source "shop", tables[0], has a field `);
    expect(read).toThrow(message);
  }
});

describe('a row', () => {
  test('becomes a document with text, title, format and metadata', async () => {
    const sql = `create table t (id integer primary key, title text, body text, n integer, price real, ok boolean, tags json, gone text);
      insert into t values (7, 'Hello', 'World', 3, 1.5, 1, '["a","b"]', null)`;
    const records = await read(sql, {
      content: '# {{title}}\n\n{{body}}{{gone}}: {{tags}}',
      title: '{{title}} ({{n}})',
      format: 'text',
      metadata: ['n', 'price', 'ok', 'tags', 'gone'],
    });
    expect(records).toEqual([
      {
        document: {
          key: 't/7',
          title: 'Hello (3)',
          content: '# Hello\n\nWorld: a, b',
          format: 'text',
          metadata: { n: 3, price: 1.5, ok: true, tags: ['a', 'b'] },
        },
      },
    ]);
  });

  test('gives its metadata the declared types, or is refused with the column named', async () => {
    const sql = `create table t (id integer primary key, a); insert into t values (1, '42'), (2, 'no')`;
    const metadata = {
      count: { column: 'a', type: 'integer' },
      list: { column: 'a', type: 'string[]' },
      id: 'id',
    } as const;
    const records = await read(sql, { metadata });
    expect(records[0]).toMatchObject({ document: { metadata: { count: 42, list: ['42'], id: 1 } } });
    expect(records[1]).toEqual({
      refused: {
        key: 't/2',
        code: 'INVALID_DOCUMENT',
        message:
          'The row "t/2" cannot be read: its column "a" is "no", which is not of the declared type integer.',
      },
    });
    const yes = await read(
      `create table t (id integer primary key, a); insert into t values (1, 'Yes'), (2, 0)`,
      {
        metadata: { ok: { column: 'a', type: 'boolean' } },
      },
    );
    expect(yes).toMatchObject([
      { document: { metadata: { ok: true } } },
      { document: { metadata: { ok: false } } },
    ]);
  });

  test('keeps integers exact, takes bytes that are text for text, and is refused for bytes that are none', async () => {
    const sql = `create table t (id integer primary key, a);
      insert into t values (1, 9007199254740993), (2, cast('bytes' as blob)), (3, x'ff00'), (4, cast(x'ff41' as text)), (5, 'a' || char(0) || 'b')`;
    const records = await read(sql, { metadata: ['a'] });
    expect(byKey(records)).toEqual({
      't/1': '9007199254740993',
      't/2': 'bytes',
      't/3': 'INVALID_DOCUMENT',
      't/4': 'INVALID_DOCUMENT',
      // Whole, on either engine: whoever takes it in refuses it.
      't/5': 'a\0b',
    });
    expect(records[0]).toMatchObject({ document: { metadata: { a: '9007199254740993' } } });
    expect(JSON.stringify(records[2])).toContain('column \\"a\\" holds bytes that are not text');
    expect(JSON.stringify(records[3])).toContain('column \\"a\\" holds text that is not valid');
  });

  test('of a file that writes text as UTF-16 is the same', async () => {
    const sql = `pragma encoding = 'UTF-16be'; create table t (id text primary key, a text); insert into t values ('ü', 'größe'), ('日', '本')`;
    expect(byKey(await read(sql))).toEqual({ 't/ü': 'größe', 't/日': '本' });
    expect(await readIds(sql, ['日'])).toEqual({ 't/日': '本' });
  });
});

describe('a key', () => {
  test('may be text, a number, bytes, or several columns', async () => {
    const many = Array.from({ length: 40 }, (_, at) => `(${at}, 'x', 'a${at}')`).join(', ');
    const composite = `create table t (k integer, s text, a text, primary key (k, s)) without rowid; insert into t values ${many}, (1, 'y/z%', 'odd')`;
    const key = ['k', 's'];
    const records = byKey(await read(composite, { key }));
    expect(Object.keys(records)).toHaveLength(41);
    expect(records).toMatchObject({ 't/0/x': 'a0', 't/39/x': 'a39', 't/1/y%2Fz%25': 'odd' });
    expect(
      await readIds(
        composite,
        [
          [1, 'y/z%'],
          ['2', 'x'],
          [99, 'x'],
        ],
        { key },
      ),
    ).toEqual({
      't/1/y%2Fz%25': 'odd',
      't/2/x': 'a2',
    });
    const bytes = `create table t (id blob primary key, a); insert into t values (x'00ff', 'bytes'), (x'10', 'ten')`;
    expect(byKey(await read(bytes))).toEqual({ 't/00ff': 'bytes', 't/10': 'ten' });
    expect(await readIds(bytes, ['00ff', '10'])).toEqual({ 't/00ff': 'bytes', 't/10': 'ten' });
  });

  test('is found by text and by number, whatever the column is declared as', async () => {
    for (const type of ['integer', 'text', '', 'numeric', 'blob', 'bigint']) {
      const sql = `create table t (id ${type}, a); insert into t values (1, 'one'), (2, 'two')`;
      expect(await readIds(sql, [1, '2', 'zz'])).toMatchObject({ 't/1': 'one', 't/2': 'two' });
    }
  });

  test('that cannot be one is refused', async () => {
    const sql = `create table t (id integer primary key, a); insert into t values (1, 'one')`;
    expect(await readIds(sql, ['1', 'x', '1.5'])).toEqual({
      't/1': 'one',
      't/x': 'INVALID_SOURCE_ID',
      't/1.5': 'INVALID_SOURCE_ID',
    });
    using file = makeFile(sql);
    const source = file.source([TABLE, { ...TABLE, name: 'two', table: 't', key: ['id', 'a'] }]);
    for (const id of [1.5, null, [1, 2], [[1]], '', {}])
      expect(() => source.documentKey('t', id as SourceId)).toThrow(
        /cannot be an id of the table "t" of the source "shop"/,
      );
    expect(() => source.documentKey('two', 1)).toThrow(
      '1 cannot be an id of the table "two" of the source "shop". Its key is 2 columns (id, a): give a list of their values, such as [1,2], with quotes where they are text.',
    );
    expect(() => source.documentKey('t', [1, 2])).toThrow('that of its key column, "id".');
    const records = await collect(readByIds(source, 'two', ['[2', 7], { ...all, clock: systemClock }));
    // A message puts it into quotes.
    expect(Object.keys(byKey(records))).toEqual(['two/[2', 'two/7']);
  });

  test('that is missing or stands twice is refused row by row, and harms no other row', async () => {
    const fill = Array.from({ length: 30 }, (_, at) => `('k${100 + at}', 'fill')`).join(', ');
    const twins = Array.from({ length: 20 }, () => `('twin', 'x')`).join(', ');
    const sql = `create table t (id, a); insert into t values (null, 'n'), ('', 'e'), ('b', '1'), ('b', '2'), ('c', '3'), ${fill}, (null, 'm'), ${twins}, ('z', 'last'), (1, 'i')`;
    const records = await read(sql);
    const refused = records.flatMap((record) => ('refused' in record ? [record.refused] : []));
    expect(refused.filter(({ code }) => code === 'INVALID_DOCUMENT')).toHaveLength(3);
    expect(refused.filter(({ key }) => key === 't/b')).toHaveLength(2);
    expect(refused.filter(({ key }) => key === 't/twin')).not.toHaveLength(0);
    expect(refused[0]?.message).toContain('nothing in its key column "id"');
    expect(refused.find(({ key }) => key === 't/b')).toMatchObject({
      code: 'DUPLICATE_KEY',
      message: expect.stringContaining('Several rows of "t" have the key "t/b" (id); none is taken.'),
    });
    const documents = records.flatMap((record) => ('document' in record ? [record.document.key] : []));
    expect(documents).toHaveLength(30 + 3);
    expect(documents).toContain('t/z');
    expect(await readIds(sql, ['b', 'c', 1])).toEqual({ 't/b': 'DUPLICATE_KEY', 't/c': '3', 't/1': 'i' });
  });

  test('is compared letter by letter, whatever the column compares', async () => {
    const rows = Array.from({ length: 30 }, (_, at) => `('k${at}', 'a'), ('K${at}', 'b')`).join(', ');
    const records = await read(`create table t (id text collate nocase, a); insert into t values ${rows}`);
    expect(Object.keys(byKey(records))).toHaveLength(60);
    expect(records.every((record) => 'document' in record)).toBe(true);
  });

  test('of any kind comes once, in columns that hold every kind', async () => {
    const rows = Array.from(
      { length: 25 },
      (_, at) => `(${at}, 'i'), (${at}.5, 'r'), ('t${at}', 't'), ('${at}abc', 't'), (x'ff${10 + at}', 'b')`,
    );
    const records = await read(`create table t (id, a); insert into t values ${rows.join(', ')}`);
    expect(records).toHaveLength(125);
    expect(Object.keys(byKey(records))).toHaveLength(125);
    expect(records.every((record) => 'document' in record)).toBe(true);
  });
});

describe('a table', () => {
  const SQL = `create table "od'd ""name" ("the key" integer primary key, "a ""b""; drop" text); insert into "od'd ""name" values (1, 'x');
    create table other (id integer primary key, a text, b text); insert into other values (1, 'y', 'z')`;

  test('may have any name and any columns', async () => {
    using file = makeFile(SQL);
    const odd: SqlTableDefinition = {
      name: 'odd',
      table: `od'd "name`,
      key: 'the key',
      content: '{{a "b"; drop}}',
    };
    expect(byKey(await collect(file.source([odd]).extractAll(all)))).toEqual({ 'odd/1': 'x' });
  });

  test('may be a query, and several make one source', async () => {
    using file = makeFile(SQL);
    const query = `with joined as (select id, a || b as ab from other) select id, ab from joined where id in (1, 2) -- and no more`;
    const source = file.source([
      { name: 'joined', query, key: 'id', content: '{{ab}}' },
      { name: 'other', key: 'id', content: '{{b}}' },
    ]);
    expect(byKey(await collect(source.extractAll(all)))).toEqual({ 'joined/1': 'yz', 'other/1': 'z' });
    expect(byKey(await collect(source.extractByIds('joined', [1, 2], all)))).toEqual({ 'joined/1': 'yz' });
    expect(source.tables).toEqual(['joined', 'other']);
  });

  test('that is not there, or has not the columns, is told with what there is, before anything is given', async () => {
    using file = makeFile(SQL);
    const good: SqlTableDefinition = { name: 'other', key: 'id', content: '{{a}}' };
    const cases: [SqlTableDefinition, string][] = [
      [{ ...good, name: 'othr' }, `has no table "othr"; there are od'd "name, other.`],
      [{ ...good, name: 'o2', table: 'other', key: 'no' }, 'has no key column "no"; it has id, a, b.'],
      [
        { ...good, name: 'o2', table: 'other', content: '{{a}} {{text}}' },
        'has no column "text"; it has id, a, b.',
      ],
      [{ ...good, name: 'o2', table: 'other', metadata: ['c'] }, 'has no column "c"; it has id, a, b.'],
      [{ ...good, name: 'o2', table: 'other', updatedAt: 'at' }, 'has no column "at"; it has id, a, b.'],
      [
        { ...good, name: 'q', query: 'select absent from other' },
        'The query of "q" in the source "shop" cannot be read: no such column: absent',
      ],
      [{ ...good, name: 'q', query: 'selec' }, 'The query of "q"'],
    ];
    for (const [table, message] of cases) {
      const given: SourceRecord[] = [];
      const read = async (): Promise<void> => {
        for await (const record of file.source([good, table]).extractAll(all)) given.push(record);
      };
      const error = await read().catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: 'INVALID_SOURCE', message: expect.stringContaining(message) });
      expect(given).toEqual([]);
      expect(await failureOf(file.source([table]).extractByIds(table.name, [1], all))).toMatchObject({
        code: 'INVALID_SOURCE',
      });
    }
  });

  test('gives what was changed since a moment, and what may have been', async () => {
    const sinceMs = Date.UTC(2026, 10, 26, 3);
    const rows = [
      `(1, 'old text', '2026-11-26 02:59:59')`,
      `(2, 'new text', '2026-11-26 03:00:00')`,
      `(3, 'new with zone', '2026-11-26T05:00:00+01:00')`,
      `(4, 'old with zone', '2026-11-26T03:59:00+01:00')`,
      `(5, 'new seconds', ${sinceMs / 1_000})`,
      `(6, 'old seconds', ${sinceMs / 1_000 - 1})`,
      `(7, 'new milliseconds', ${sinceMs})`,
      `(8, 'old milliseconds', ${sinceMs - 1_000})`,
      `(9, 'unknown', null)`,
      `(10, 'no time', 'yesterday')`,
    ];
    using file = makeFile(
      `create table t (id integer primary key, a, at); insert into t values ${rows.join(', ')}`,
    );
    const source = file.source([{ ...TABLE, updatedAt: 'at' }]);
    expect(source.knowsChanges).toBe(true);
    const changed = byKey(await collect(source.extractAll({ ...all, since: sinceMs })));
    expect(Object.keys(changed).map((key) => Number(key.slice(2)))).toEqual([2, 3, 5, 7, 9, 10]);
    expect(await collect(source.extractAll(all))).toHaveLength(10);
  });

  test('with rows of very different size is read in pages of bounded size', async () => {
    const rows = Array.from(
      { length: 60 },
      (_, at) => `(${at}, printf('%.*c', ${at % 7 === 0 ? 3_000_000 : 10}, 'x'))`,
    );
    const records = await read(
      `create table t (id integer primary key, a); insert into t values ${rows.join(', ')}`,
    );
    expect(records).toHaveLength(60);
  });
});
