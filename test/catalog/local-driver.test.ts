import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { createLocalDriver } from '../../src/catalog/local/local-driver.ts';
import { type SqlDriver, type SqlValue, statement, statementForEach } from '../../src/catalog/sql-driver.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';
import { rejectionOf } from '../support/test-runtime.ts';

/** The traps of the native driver (reference/libsql.md, sections 0 and 12), each walked into on purpose. */
describe('the local driver', () => {
  let dir: TempDir;
  let path: string;
  let driver: SqlDriver;

  beforeEach(async () => {
    dir = makeTempDir();
    path = dir.join('catalog.db');
    driver = open({ busyTimeoutMs: 5_000 });
    await driver.write([
      statement(`pragma application_id = ${0x53_79_6e_63}`),
      statement('create table t (id integer primary key, v any, s text, n integer unique) strict'),
    ]);
  });
  afterEach(async () => {
    await driver.close();
    dir.remove();
  });

  function open(options: { busyTimeoutMs: number; checkpointBytes?: number }): SqlDriver {
    return createLocalDriver({ path, access: 'readWrite', ...options });
  }

  async function valueBack(value: SqlValue): Promise<SqlValue | undefined> {
    await driver.write([statement('insert or replace into t (id, v) values (1, ?)', value)]);
    const [result] = await driver.read([statement('select v from t where id = 1')]);
    return result?.rows[0]?.[0];
  }

  async function count(from: SqlDriver = driver): Promise<SqlValue | undefined> {
    const [result] = await from.read([statement('select count(*) from t')]);
    return result?.rows[0]?.[0];
  }

  test('keeps integers of 64 bits exactly and tells them from floats', async () => {
    for (const value of [0, -1, 2 ** 53 - 1, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n), 0.5, -1e308]) {
      expect(await valueBack(value)).toBe(value);
    }
    const [types] = await driver.read([statement('select typeof(?), typeof(?), typeof(?)', 5, 5n, 5.5)]);
    expect(types?.rows.map((row) => [...row])).toEqual([['integer', 'integer', 'real']]);
  });

  test('keeps blobs exactly, views into larger buffers and empty ones too', async () => {
    const bytes = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
    const floats = new Float32Array(bytes.buffer, 4, 1);
    const view = new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
    expect(await valueBack(view)).toEqual(Uint8Array.from([5, 6, 7, 8]));
    expect(await valueBack(Buffer.from('abc').subarray(1))).toEqual(new Uint8Array(Buffer.from('bc')));
    expect(await valueBack(new Uint8Array(0))).toEqual(new Uint8Array(0));
    expect(bytes.byteLength).toBe(8);
  });

  test('refuses what would abort the process or be stored wrongly, before it reaches the driver', async () => {
    const sql = 'insert into t (v, s) values (?, ?)';
    const wrong: (readonly unknown[])[] = [
      [true, 'x'],
      [Number.NaN, 'x'],
      [Number.POSITIVE_INFINITY, 'x'],
      [1, 'a\0b'],
      [undefined, 'x'],
      [new ArrayBuffer(1), 'x'],
      [new Float32Array(1), 'x'],
      [{ a: 1 }, 'x'],
      [1],
      [1, 'x', 2],
    ];
    for (const args of wrong) {
      const attempt = driver.write([{ sql, argRows: [args as SqlValue[]] }]);
      expect(await rejectionOf(attempt)).toMatchObject({ code: 'INTERNAL' });
    }
    expect(await count()).toBe(0);
  });

  test('reads text that is not valid UTF-8 as bytes and stays alive', async () => {
    await driver.write([statement(`insert into t (id, s) values (1, cast(x'ff00fe' as text))`)]);
    const [result] = await driver.read([statement('select cast(s as blob) from t')]);
    expect(result?.rows[0]?.[0]).toEqual(Uint8Array.from([0xff, 0, 0xfe]));
  });

  test('keeps nothing of a write of which one statement fails, and works on', async () => {
    const attempt = driver.write([
      statement('insert into t (n) values (1)'),
      statementForEach('insert into t (n) values (?)', [[2], [1]]),
    ]);
    expect(await rejectionOf(attempt)).toMatchObject({ code: 'CATALOG_FAILED' });
    expect(await rejectionOf(driver.read([statement('select * from missing')]))).toMatchObject({
      code: 'CATALOG_OUTDATED',
    });
    expect(await count()).toBe(0);
    const [result] = await driver.write([
      statementForEach('insert into t (n) values (?) returning n', [[2], [1]]),
    ]);
    expect(result?.rows.map((row) => row[0])).toEqual([2, 1]);
    expect(await count()).toBe(2);
  });

  test('is not poisoned by another writer: it waits, says busy, and then sees and writes the newest', async () => {
    const impatient = open({ busyTimeoutMs: 1 });
    expect(await count(impatient)).toBe(0);
    const other = new Database(path);
    other.exec('begin immediate; insert into t (n) values (7)');
    const attempt = impatient.write([statement('insert into t (n) values (?) returning n', 8)]);
    expect(await rejectionOf(attempt)).toMatchObject({ code: 'CATALOG_BUSY', retryable: true });
    const patient = driver.write([statement('insert into t (n) values (9)')]);
    expect(await count(impatient)).toBe(0);
    other.exec('commit');
    await patient;
    expect(await count(impatient)).toBe(2);
    const [result] = await impatient.write([
      statement('insert into t (n) values (?) returning n', 10),
      statement('select group_concat(n) from (select n from t order by n)'),
    ]);
    expect(result?.rows[0]?.[0]).toBe(10);
    expect(await count()).toBe(3);
    await impatient.close();
    other.close();
  });

  test('answers in order and finishes what is under way when it is closed while busy', async () => {
    const rows = Array.from({ length: 5_000 }, (_, index) => [index]);
    const work = driver.write([statementForEach('insert into t (n) values (?)', rows)]);
    const looking = driver.read([statement('select count(*) from t')]);
    const closing = driver.close();
    expect(await rejectionOf(driver.read([statement('select 1')]))).toMatchObject({ code: 'CATALOG_FAILED' });
    await work;
    expect((await looking)[0]?.rows[0]?.[0]).toBe(5_000);
    await closing;
    await driver.close();
    driver = open({ busyTimeoutMs: 1_000 });
    expect(await count()).toBe(5_000);
  });

  test('checkpoints only where it was told to: by the size of the log, when asked to, and at closing', async () => {
    const walBytes = () => (existsSync(`${path}-wal`) ? statSync(`${path}-wal`).size : 0);
    const blob = new Uint8Array(200_000);
    const write = (to: SqlDriver) => to.write([statement('insert into t (v) values (?)', blob)]);
    const owner = open({ busyTimeoutMs: 1_000, checkpointBytes: 1_000_000 });
    for (let turn = 0; turn < 8; turn += 1) await write(driver);
    expect(walBytes()).toBeGreaterThan(1_500_000);
    await write(owner);
    expect(walBytes()).toBeGreaterThan(1_500_000);
    await owner.setCheckpointing(true);
    await write(owner);
    expect(walBytes()).toBe(0);
    await write(owner);
    await driver.checkpoint();
    expect(walBytes()).toBeGreaterThan(0);
    await owner.checkpoint();
    expect(walBytes()).toBe(0);
    await write(owner);
    await owner.close();
    expect(walBytes()).toBe(0);
  });

  test('says that the disk is full, keeps what was there, and works on when there is room', async () => {
    await driver.write([statement('insert into t (n) values (1)')]);
    const big = () => driver.write([statement('insert into t (v) values (?)', new Uint8Array(2_000_000))]);
    await driver.read([statement('pragma max_page_count = 20')]);
    expect(await rejectionOf(big())).toMatchObject({ code: 'DISK_FULL', retryable: true });
    expect(await count()).toBe(1);
    await driver.read([statement('pragma max_page_count = 100000')]);
    await big();
    expect(await count()).toBe(2);
  });

  test('opens read-only without changing the file', async () => {
    const reader = createLocalDriver({ path, access: 'readOnly', busyTimeoutMs: 100 });
    expect(await count(reader)).toBe(0);
    expect(await rejectionOf(reader.write([statement('insert into t (n) values (1)')]))).toMatchObject({
      code: 'CATALOG_READ_ONLY',
    });
    await driver.write([statement('insert into t (n) values (1)')]);
    expect(await count(reader)).toBe(1);
    await reader.close();
  });

  test('uses large pages, a write-ahead log that is flushed with every commit, and no automatic checkpoints', async () => {
    const pragmas = ['page_size', 'wal_autocheckpoint', 'synchronous', 'foreign_keys'];
    const results = await driver.read(pragmas.map((name) => statement(`pragma ${name}`)));
    expect(results.map(({ rows }) => rows[0]?.[0])).toEqual([8_192, 0, 2, 1]);
    const [mode] = await driver.read([
      statement('select cast(journal_mode as blob) from pragma_journal_mode'),
    ]);
    expect(Buffer.from(mode?.rows[0]?.[0] as Uint8Array).toString()).toBe('wal');
  });

  test('keeps the main thread free while a statement runs for long', async () => {
    let isDone = false;
    const slow = driver
      .read([
        statement(
          'with recursive c(x) as (select 1 union all select x + 1 from c where x < 2000000) select count(*) from c',
        ),
      ])
      .then(() => {
        isDone = true;
      });
    let turnCount = 0;
    while (!isDone) {
      await new Promise((resolve) => setImmediate(resolve));
      turnCount += 1;
    }
    await slow;
    expect(turnCount).toBeGreaterThan(10);
  });

  test('lets the process end although a driver is open and idle', async () => {
    const [exitCode] = await once(spawnProgram('idle', path), 'exit');
    expect(exitCode).toBe(0);
  });

  test('survives the sudden death of a writer: the file opens, whole transactions only', async () => {
    const child = spawnProgram('write', path);
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    const [result] = await driver.read([
      statement('select count(*) % 100, count(*) > 0 from t'),
      statement('select cast(integrity_check as blob) from pragma_integrity_check'),
    ]);
    expect(result?.rows[0]).toEqual([0, 1]);
    await driver.write([statement('insert into t (n) values (-1)')]);
  });

  function spawnProgram(mode: string, file: string) {
    const program = join(import.meta.dirname, 'driver-program.ts');
    return spawn(process.execPath, [program, mode, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  }
});
