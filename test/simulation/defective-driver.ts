import { type SqlDriver, type SqlStatement, statement } from '../../src/catalog/sql-driver.ts';

/* Ways to plant a mistake in what is asked of the catalog. */

export const NOTHING = statement('select 1 where false');

/** A driver that executes other statements in a write. */
export function withWrites(
  driver: SqlDriver,
  change: (statements: readonly SqlStatement[]) => readonly SqlStatement[],
): SqlDriver {
  return { ...driver, write: (statements) => driver.write(change(statements)) };
}

/** A driver that executes other SQL wherever a piece of it occurs; it must be what the catalog really has. */
export function withSql(driver: SqlDriver, pieces: Readonly<Record<string, string>>): SqlDriver {
  const change = (statements: readonly SqlStatement[]): SqlStatement[] =>
    statements.map((one) => {
      const known = Object.keys(pieces);
      if (!known.every((piece) => one.sql.includes(piece))) return one;
      return { ...one, sql: known.reduce((sql, piece) => sql.replace(piece, pieces[piece] ?? ''), one.sql) };
    });
  return {
    ...driver,
    read: (statements) => driver.read(change(statements)),
    write: (statements) => driver.write(change(statements)),
  };
}
