import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLocalDriver } from '../../src/catalog/local/local-driver.ts';
import { MIGRATIONS, type Migration } from '../../src/catalog/migrations.ts';
import { splitSql } from '../../src/catalog/split-sql.ts';
import { createSqlCatalog, type SqlCatalog } from '../../src/catalog/sql-catalog.ts';
import { type SqlDriver, statement } from '../../src/catalog/sql-driver.ts';
import { textAt } from '../../src/catalog/sql-values.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { rejectionOf } from '../support/test-runtime.ts';
import { LEASE, setStage, takeLease } from './catalog-fixtures.ts';

const RELEASED = MIGRATIONS.length;

const NEXT: Migration = {
  number: RELEASED + 1,
  name: 'notes',
  up: "create table notes (text text) strict;\n-- a comment; with a semicolon\ninsert into notes values ('a;b');",
  down: 'drop table notes;',
};

describe('migrations', () => {
  let dir: TempDir;
  let drivers: SqlDriver[];

  beforeEach(() => {
    dir = makeTempDir();
    drivers = [];
  });
  afterEach(async () => {
    await Promise.all(drivers.map((driver) => driver.close()));
    dir.remove();
  });

  function openDriver(): SqlDriver {
    const path = dir.join('catalog.db');
    const driver = createLocalDriver({ path, access: 'readWrite', busyTimeoutMs: 5_000 });
    drivers.push(driver);
    return driver;
  }

  function open(migrations: readonly Migration[] = MIGRATIONS): SqlCatalog {
    return createSqlCatalog(openDriver(), migrations);
  }

  test('bring an older catalog up to date and keep what is in it', async () => {
    const { dataset, catalog, token } = await setStage(open());
    await catalog.releaseLease(token);
    const newer = open([...MIGRATIONS, NEXT]);
    expect(await rejectionOf(newer.listDatasets({ limit: 1 }))).toMatchObject({ code: 'CATALOG_OUTDATED' });
    expect(await newer.migrate()).toEqual({ fromVersion: RELEASED, toVersion: NEXT.number });
    expect(await newer.listDatasets({ limit: 1 })).toEqual([dataset]);
    expect(await newer.revertMigration()).toEqual({ fromVersion: NEXT.number, toVersion: RELEASED });
    expect(await open().listDatasets({ limit: 1 })).toEqual([dataset]);
  });

  test('wait for the worker that is at work, unless it is the one that migrates', async () => {
    await setStage(open());
    const newer = open([...MIGRATIONS, NEXT]);
    expect(await rejectionOf(newer.migrate())).toMatchObject({ code: 'LEASE_HELD' });
    await takeLease(newer, LEASE);
    expect(await newer.migrate()).toEqual({ fromVersion: RELEASED, toVersion: NEXT.number });
  });

  test('refuse a catalog of a newer version and leave it as it is', async () => {
    await open([...MIGRATIONS, NEXT]).migrate();
    const older = open();
    for (const call of [
      () => older.migrate(),
      () => older.listDatasets({ limit: 1 }),
      () => older.acquireLease(LEASE),
      () => older.revertMigration(),
    ]) {
      expect(await rejectionOf(call())).toMatchObject({
        code: 'CATALOG_NEWER',
        details: { number: NEXT.number },
      });
    }
    expect(await open([...MIGRATIONS, NEXT]).listDatasets({ limit: 1 })).toEqual([]);
  });

  test('notice a file that was edited after it was applied, but not how its lines end', async () => {
    await open([...MIGRATIONS, NEXT]).migrate();
    const edited = { ...NEXT, up: `${NEXT.up} ` };
    expect(await rejectionOf(open([...MIGRATIONS, edited]).migrate())).toMatchObject({
      code: 'MIGRATION_EDITED',
      details: { number: NEXT.number, name: 'notes' },
    });
    const crlf = { ...NEXT, up: NEXT.up.replaceAll('\n', '\r\n') };
    expect(await open([...MIGRATIONS, crlf]).migrate()).toEqual({
      fromVersion: NEXT.number,
      toVersion: NEXT.number,
    });
  });

  test('that fail half-way leave nothing behind', async () => {
    const broken = { ...NEXT, up: `${NEXT.up} insert into missing values (1);` };
    expect(await rejectionOf(open([...MIGRATIONS, broken]).migrate())).toMatchObject({
      code: 'CATALOG_OUTDATED',
    });
    expect(await open([...MIGRATIONS, NEXT]).migrate()).toEqual({
      fromVersion: RELEASED,
      toVersion: NEXT.number,
    });
  });

  test('make the schema that is on record', async () => {
    const driver = openDriver();
    await createSqlCatalog(driver).migrate();
    const [result] = await driver.read([
      statement(
        `select cast(sql as blob) from sqlite_schema where sql is not null and name not like 'sqlite!_%' escape '!'
         order by tbl_name, type desc, name`,
      ),
    ]);
    const dump = (result?.rows ?? []).map((row) => `${textAt(row, 0)};\n`).join('\n');
    const expected = readFileSync(join(import.meta.dirname, 'schema.expected.sql'), 'utf8');
    expect(dump).toBe(expected);
  });

  test('give every chunk and generation of an older catalog the configuration of its dataset, and back', async () => {
    const driver = openDriver();
    await createSqlCatalog(driver, MIGRATIONS.slice(0, 2)).migrate();
    await driver.write(
      splitSql(`
        insert into projects values (1, 'p', 1);
        insert into embedding_profiles values (1, 'one', 'local', 'm', 4, 1, 1), (2, 'two', 'local', 'n', 4, 1, 1);
        insert into datasets values (1, 1, 'd', 1, '{}', '{"tokensPerChunkMax":128}', 'active', 0, 5),
          (2, 1, 'e', 2, '{}', '{"tokensPerChunkMax":64}', 'active', 0, 6);
        insert into documents values (1, 2, 's', 'k', 1, 0, 'text', 1, x'00', x'00', 1, 1, '', '{}');
        insert into chunks values (7, 1, 2, 2, 0, 0, 1, 1, 'pending', 0, x'00', '', null);
        insert into generations values (1, 1, 1, 'p__d__g1', 'serving', 1, 0, 1), (2, 2, 2, 'p__e__g2', 'retired', 1, 0, 1);
      `).map((sql) => statement(sql)),
    );
    const before = await dumpOf(driver);
    const catalog = createSqlCatalog(driver);
    await catalog.migrate();
    const [d, e] = await catalog.listDatasets({ limit: 9 });
    expect(d).toMatchObject({
      profile: { model: 'm' },
      chunking: { tokensPerChunkMax: 128 },
      target: undefined,
    });
    expect(e).toMatchObject({ profileId: 2, chunking: { tokensPerChunkMax: 64 } });
    expect((await catalog.datasetCounts(2)).chunks.pending).toBe(1);
    expect(await catalog.listGenerations(2)).toMatchObject([
      { configurationId: e?.configurationId, retiredAtMs: 1, state: 'retired' },
    ]);
    for (let version = MIGRATIONS.length; version > 2; version -= 1) await catalog.revertMigration();
    expect(await dumpOf(driver)).toEqual(before);
  });

  /** What is in the tables that the second migration made. */
  async function dumpOf(driver: SqlDriver) {
    const results = await driver.read([
      statement('select dataset_id, profile_id, cast(chunking as blob) from datasets'),
      statement('select chunk_id, document_id, dataset_id, profile_id from chunks'),
      statement('select generation_id, dataset_id, profile_id, cast(state as blob) from generations'),
    ]);
    return results.map(({ rows }) => rows);
  }

  test('are taken back completely', async () => {
    const driver = openDriver();
    const catalog = createSqlCatalog(driver);
    await catalog.migrate();
    for (const _ of MIGRATIONS) await catalog.revertMigration();
    const [result] = await driver.read([
      statement(`select cast(name as blob) from sqlite_schema where name not like 'sqlite!_%' escape '!'`),
    ]);
    expect(result?.rows).toEqual([]);
  });
});

describe('splitSql', () => {
  test('cuts at semicolons that end a statement and nowhere else', () => {
    const script = `-- one; two
create table a (x text default ';'); /* ; */ insert into "b;c" values ('it''s;');
create trigger t after insert on a begin
  select case when new.x = 'end' then 1 else 2 end;
  delete from a;
end;
create temp trigger begin_end before delete on a begin select 1; end;
begin; end;
-- the end;
`;
    expect(splitSql(script)).toEqual([
      `-- one; two\ncreate table a (x text default ';');`,
      `/* ; */ insert into "b;c" values ('it''s;');`,
      `create trigger t after insert on a begin\n  select case when new.x = 'end' then 1 else 2 end;\n  delete from a;\nend;`,
      'create temp trigger begin_end before delete on a begin select 1; end;',
      'begin;',
      'end;',
    ]);
  });
});
