import { isSynclineError, SynclineError } from '../domain/errors.ts';
import { sha256, toHex } from '../domain/hash.ts';
import type { Migration } from './migrations.ts';
import { splitSql } from './split-sql.ts';
import { NOW_MS } from './sql-clock.ts';
import { type SqlDriver, type SqlStatement, statement } from './sql-driver.ts';
import { integerAt, textAt } from './sql-values.ts';
import { APPLICATION_ID } from './sqlite-format.ts';

/** How often applying one migration is tried when others apply it at the same time. */
const ATTEMPTS_MAX = 5;
/** The columns by which our list of migrations is told from another tool's of the same name. */
const LIST_COLUMNS = 'number,name,checksum,applied_at_ms';

interface AppliedMigration {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
}

/**
 * The version of the catalog: the number of its newest migration, 0 when there is none.
 *
 * @throws SynclineError `CATALOG_NEWER`, `MIGRATION_EDITED`, `CATALOG_FOREIGN`.
 */
export async function catalogVersion(driver: SqlDriver, migrations: readonly Migration[]): Promise<number> {
  const applied = await readApplied(driver);
  for (const [index, migration] of applied.entries()) checkApplied(driver, migrations, migration, index + 1);
  return applied.length;
}

/**
 * Applies the migrations that are missing, up to number `upTo`, each in a transaction of its own together with its entry
 * in the list. Safe to run from several processes at once: each migration is applied once.
 *
 * @throws SynclineError as {@link catalogVersion}.
 */
export async function applyMigrations(
  driver: SqlDriver,
  migrations: readonly Migration[],
  upTo: number,
): Promise<{ readonly fromVersion: number; readonly toVersion: number }> {
  const fromVersion = await catalogVersion(driver, migrations);
  for (const migration of migrations) {
    if (migration.number > fromVersion && migration.number <= upTo)
      await apply(driver, migrations, migration);
  }
  return { fromVersion, toVersion: Math.max(fromVersion, upTo) };
}

/**
 * Takes back the newest migration, with everything that was stored in what it made.
 *
 * @returns The versions before and after; equal when there was none.
 * @throws SynclineError as {@link catalogVersion}.
 */
export async function revertNewestMigration(
  driver: SqlDriver,
  migrations: readonly Migration[],
): Promise<{ readonly fromVersion: number; readonly toVersion: number }> {
  const fromVersion = await catalogVersion(driver, migrations);
  const newest = migrations[fromVersion - 1];
  if (newest === undefined) return { fromVersion, toVersion: fromVersion };
  const entry =
    fromVersion > 1 ? [statement('delete from schema_migrations where number = ?', newest.number)] : [];
  await driver.write([...script(newest.down), ...entry]);
  return { fromVersion, toVersion: fromVersion - 1 };
}

async function apply(driver: SqlDriver, migrations: readonly Migration[], migration: Migration) {
  const statements = [
    // A server keeps no application id; a file is told from others by it.
    ...(driver.kind === 'local' && migration.number === 1
      ? script(`pragma application_id = ${APPLICATION_ID}`)
      : []),
    ...script(migration.up),
    statement(
      `insert into schema_migrations (number, name, checksum, applied_at_ms) values (?, ?, ?, ${NOW_MS})`,
      migration.number,
      migration.name,
      checksumOf(migration.up),
    ),
  ];
  for (let attempt = 1; ; attempt += 1) {
    try {
      await driver.write(statements);
      return;
    } catch (error) {
      // Somebody else may have applied it a moment before, or this very call did and its answer was lost.
      if ((await catalogVersion(driver, migrations)) >= migration.number) return;
      if (attempt >= ATTEMPTS_MAX || !isRetryable(error)) throw error;
    }
  }
}

function isRetryable(error: unknown): boolean {
  return error instanceof SynclineError && error.retryable;
}

function script(text: string): SqlStatement[] {
  return splitSql(text).map((sql) => statement(sql));
}

async function readApplied(driver: SqlDriver): Promise<AppliedMigration[]> {
  try {
    return await readList(driver);
  } catch (error) {
    if (isSynclineError(error, 'CATALOG_MISSING')) return [];
    throw error;
  }
}

async function readList(driver: SqlDriver): Promise<AppliedMigration[]> {
  const [tables] = await driver.read([
    statement(
      `select (select count(*) from sqlite_schema
               where type = 'table' and name not like 'sqlite!_%' escape '!' and name not like '!_%' escape '!'
                 and name not like 'libsql!_%' escape '!'),
              cast(coalesce((select group_concat(name) from pragma_table_info('schema_migrations')), '') as blob)`,
    ),
  ]);
  const row = tables?.rows[0] ?? [];
  const columns = textAt(row, 1);
  if (integerAt(row, 0) === 0) return [];
  if (columns !== LIST_COLUMNS) {
    throw new SynclineError(
      'CATALOG_FOREIGN',
      `The database ${driver.location} holds tables that Syncline did not make. Give the catalog a database of its own; this one was left as it is.`,
    );
  }
  const [list] = await driver.read([
    statement(
      `select number, cast(name as blob), cast(checksum as blob) from schema_migrations order by number`,
    ),
  ]);
  return (list?.rows ?? []).map((entry) => ({
    number: integerAt(entry, 0),
    name: textAt(entry, 1),
    checksum: textAt(entry, 2),
  }));
}

function checkApplied(
  driver: SqlDriver,
  migrations: readonly Migration[],
  applied: AppliedMigration,
  expectedNumber: number,
): void {
  const known = migrations[expectedNumber - 1];
  const details = { number: applied.number, name: applied.name };
  if (known === undefined) {
    throw new SynclineError(
      'CATALOG_NEWER',
      `The catalog ${driver.location} was made by a newer Syncline: it has migration ${applied.number} (${applied.name}), this one knows ${migrations.length}. Update Syncline.`,
      { details },
    );
  }
  if (applied.number !== expectedNumber || applied.checksum !== checksumOf(known.up)) {
    throw new SynclineError(
      'MIGRATION_EDITED',
      `Migration ${applied.number} (${applied.name}) of the catalog ${driver.location} is not the one this Syncline knows: its file was edited after it was applied. Restore the file.`,
      { details },
    );
  }
}

/** SHA-256 of the script, independent of how its lines end. */
function checksumOf(script: string): string {
  return toHex(sha256(script.replaceAll('\r\n', '\n')));
}
