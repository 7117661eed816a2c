import { Database } from 'bun:sqlite';
import { describe, expect, test } from 'bun:test';
import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import type { SqlTableDefinition } from '../../src/sources/sql/sql-definition.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { byKey, collect, describeSource, failureOf, noSignal } from './source-suite.ts';
import { makeFile } from './sqlite-fixture.ts';

const ARTICLES = { name: 'articles', key: 'id', content: '{{body}}' } satisfies SqlTableDefinition;

for (const mode of ['wal', 'delete']) {
  describeSource(`A SQLite file in journal mode ${mode}`, async () => {
    const file = makeFile(
      `pragma journal_mode = ${mode}; create table articles (id integer primary key, body text)`,
    );
    const insert = file.owner.prepare('insert into articles values (?, ?)');
    return {
      source: file.source([ARTICLES]),
      table: 'articles',
      id: (at) => at,
      async fill(records) {
        file.owner.transaction(() => {
          file.owner.exec('delete from articles');
          for (const { at, text } of records) insert.run(at, text);
        })();
      },
      async close() {
        insert.finalize();
        file[Symbol.dispose]();
      },
    };
  });
}

const all = { signal: noSignal() };

describe('A SQLite file', () => {
  const CONTENT = `create table articles (id integer primary key, body text); insert into articles values (1, 'one'), (2, 'two')`;
  const BOTH = { 'articles/1': 'one', 'articles/2': 'two' };

  test('of an owner who has closed it is read without a file beside it', async () => {
    for (const mode of ['wal', 'delete', 'truncate']) {
      using file = makeFile(`pragma journal_mode = ${mode}; ${CONTENT}`);
      file.owner.close();
      const before = [file.files(), statSync(file.path).mtimeMs, readFileSync(file.path)];
      expect(byKey(await collect(file.source([ARTICLES]).extractAll(all)))).toEqual(BOTH);
      expect(await collect(file.source([ARTICLES]).extractByIds('articles', [1], all))).toHaveLength(1);
      expect([file.files(), statSync(file.path).mtimeMs, readFileSync(file.path)]).toEqual(before);
    }
  });

  test('is read with what its owner has in the log only, and leaves file and log as they are', async () => {
    using file = makeFile(`pragma journal_mode = wal; pragma wal_autocheckpoint = 0; ${CONTENT}`);
    const contents = () => [readFileSync(file.path), readFileSync(`${file.path}-wal`), file.files()];
    const before = contents();
    expect(byKey(await collect(file.source([ARTICLES]).extractAll(all)))).toEqual(BOTH);
    expect(contents()).toEqual(before);
  });

  test('lets its owner write and empty the log in the middle of reading', async () => {
    using file = makeFile(
      `pragma journal_mode = wal; create table articles (id integer primary key, body text);
       with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000) insert into articles select i, 'text ' || i from n`,
    );
    let count = 0;
    for await (const _ of file.source([ARTICLES]).extractAll(all)) {
      count += 1;
      if (count !== 100) continue;
      file.owner.exec(`update articles set body = 'changed' where id > 2000`);
      const [busy] = file.owner.query('pragma wal_checkpoint(truncate)').values()[0] ?? [];
      expect(busy).toBe(0);
    }
    expect(count).toBe(3_000);
  });

  test('whose owner comes back in the middle of reading is read to its end', async () => {
    using file = makeFile(
      `pragma journal_mode = wal; create table articles (id integer primary key, body text);
       with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000) insert into articles select i, 'old' from n`,
    );
    file.owner.close();
    let owner: Database | undefined;
    const texts: string[] = [];
    for await (const record of file.source([ARTICLES]).extractAll(all)) {
      if ('document' in record) texts.push(record.document.content);
      if (texts.length === 100) {
        owner = new Database(file.path);
        owner.exec(`update articles set body = 'new'`);
      }
    }
    owner?.close();
    expect(texts).toHaveLength(3_000);
    expect(texts.at(-1)).toBe('new');
  });

  test('cannot be written to, whatever the query says', async () => {
    using file = makeFile(CONTENT);
    for (const query of [
      'delete from articles returning id, body',
      'select 1 as id, 2 as body) as t; delete from articles; --',
      'select id, body from articles; delete from articles',
    ]) {
      await failureOf(file.source([{ ...ARTICLES, query }]).extractAll(all));
      expect(file.owner.query('select count(*) as n from articles').get()).toEqual({ n: 2 });
    }
  });

  test('that its owner has locked is waited for with a bound', async () => {
    using file = makeFile(CONTENT);
    file.owner.exec('begin exclusive');
    const source = file.source([ARTICLES], { lockWaitMs: 30 });
    const error = await failureOf(source.extractAll(all));
    expect(error).toMatchObject({ code: 'SOURCE_BUSY', retryable: true });
    expect(String(error)).toContain('The source "shop" is locked by its owner');
    const patient = collect(file.source([ARTICLES], { lockWaitMs: 20_000 }).extractAll(all));
    file.owner.exec('commit');
    expect(byKey(await patient)).toEqual(BOTH);
  });

  test('a statement that takes too long is given up, and so is one when the signal is aborted', async () => {
    using file = makeFile(CONTENT);
    const endless: SqlTableDefinition = {
      ...ARTICLES,
      query:
        'with recursive n(i) as (select 1 union all select i + 1 from n) select max(i) as id, 1 as body from n',
    };
    const slow = file.source([endless], { statementMsMax: 100, lockWaitMs: 0 });
    expect(await failureOf(slow.extractAll(all))).toMatchObject({ code: 'SOURCE_STALLED', retryable: true });
    const controller = new AbortController();
    const failure = failureOf(file.source([endless]).extractAll({ signal: controller.signal }));
    setTimeout(() => controller.abort(), 50);
    expect(await failure).toMatchObject({ code: 'ABORTED' });
    expect(byKey(await collect(file.source([ARTICLES]).extractAll(all)))).toEqual(BOTH);
  });

  test('that is missing, no database, damaged, or a copy of a log without its index is told apart', async () => {
    using dir = makeTempDir();
    using file = makeFile(`pragma journal_mode = wal; ${CONTENT}`);
    writeFileSync(dir.join('text.db'), 'This is a text, and none that is short.');
    writeFileSync(dir.join('empty.db'), '');
    copyFileSync(file.path, dir.join('copy.db'));
    copyFileSync(`${file.path}-wal`, dir.join('copy.db-wal'));
    const cases: [string, string, RegExp][] = [
      ['none.db', 'SOURCE_UNREADABLE', /none\.db: there is no such file/],
      ['.', 'SOURCE_UNREADABLE', /it is not a file/],
      ['text.db', 'SOURCE_UNREADABLE', /it is not a SQLite database/],
      ['empty.db', 'INVALID_SOURCE', /has no table "articles"; there are none/],
      ['copy.db', 'SOURCE_UNREADABLE', /a log \(-wal\) without its index/],
    ];
    for (const [name, code, message] of cases) {
      const error = await failureOf(file.source([ARTICLES], { url: dir.join(name) }).extractAll(all));
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    }
    expect(file.files()).toHaveLength(3);
  });

  test('may have any name, and be given as a URL', async () => {
    using file = makeFile(CONTENT, `sh op%20#?'".db`);
    const url = Bun.pathToFileURL(file.path).href;
    for (const source of [file.source([ARTICLES]), file.source([ARTICLES], { url })])
      expect(byKey(await collect(source.extractAll(all)))).toEqual(BOTH);
  });
});
