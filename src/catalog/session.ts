import { SynclineError } from '../domain/errors.ts';
import { applyMigrations, catalogVersion, revertNewestMigration } from './migrate.ts';
import type { Migration } from './migrations.ts';
import { type SqlDriver, type SqlResult, type SqlRow, type SqlStatement, statement } from './sql-driver.ts';

/** The versions before and after a migration. */
export interface VersionChange {
  readonly fromVersion: number;
  readonly toVersion: number;
}

/** A driver whose catalog is known to have the schema of this code. What the rooms of the catalog work with. */
export interface CatalogSession {
  readonly driver: SqlDriver;
  /** Executes reading statements in one snapshot. */
  read(...statements: SqlStatement[]): Promise<readonly SqlResult[]>;
  /** The rows of a single reading statement. */
  rows(statement: SqlStatement): Promise<readonly SqlRow[]>;
  /** Executes statements in one transaction that is kept only if `token` is the current lease's. */
  write(token: number, statements: readonly SqlStatement[]): Promise<readonly SqlResult[]>;
  /** Executes statements in one transaction that needs no lease: they only add, and may be executed by anybody at any time. */
  append(statements: readonly SqlStatement[]): Promise<void>;
  /** The number of the newest applied migration; cheap once it is this code's newest. */
  version(): Promise<number>;
  migrateTo(version: number): Promise<VersionChange>;
  revertNewest(): Promise<VersionChange>;
}

/** Puts a session on a driver. Nothing is opened before the first call. */
export function createCatalogSession(driver: SqlDriver, migrations: readonly Migration[]): CatalogSession {
  const newest = migrations.length;
  let isCurrent = false;

  async function version(): Promise<number> {
    if (isCurrent) return newest;
    const found = await catalogVersion(driver, migrations);
    isCurrent = found === newest;
    return found;
  }

  async function ready(): Promise<void> {
    if (isCurrent) return;
    const found = await version();
    if (found === 0) {
      throw new SynclineError(
        'CATALOG_MISSING',
        `There is no catalog at ${driver.location} yet. It is made by the first ingestion, or when a worker is started.`,
      );
    }
    if (found < newest) {
      throw new SynclineError(
        'CATALOG_OUTDATED',
        `The catalog ${driver.location} has version ${found}, this Syncline needs ${newest}. Start a worker or ingest something: that applies the migrations.`,
        { details: { version: found, neededVersion: newest } },
      );
    }
  }

  async function read(...statements: SqlStatement[]): Promise<readonly SqlResult[]> {
    await ready();
    return driver.read(statements);
  }

  return {
    driver,
    read,
    rows: async (one) => (await read(one))[0]?.rows ?? [],
    async write(token, statements) {
      await ready();
      const results = await driver.write([
        statement('insert into lease_guard values (?)', token),
        ...statements,
      ]);
      return results.slice(1);
    },
    async append(statements) {
      await ready();
      await driver.write(statements);
    },
    version,
    async migrateTo(target) {
      const change = await applyMigrations(driver, migrations, target);
      isCurrent = change.toVersion === newest;
      return change;
    },
    async revertNewest() {
      isCurrent = false;
      return revertNewestMigration(driver, migrations);
    },
  };
}
