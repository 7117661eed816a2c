import { Database } from 'bun:sqlite';
import { readdirSync } from 'node:fs';
import { openSource } from '../../src/sources/open-source.ts';
import type { Source } from '../../src/sources/source.ts';
import { parseSourceDefinition } from '../../src/sources/source-definition.ts';
import type { SqlSourceDefinition, SqlTableDefinition } from '../../src/sources/sql/sql-definition.ts';
import { sqlSource } from '../../src/sources/sql/sql-definition.ts';
import { makeTempDir } from '../support/temp-dir.ts';

/** A database file with an owner who has it open, until he closes it. */
export interface OwnedFile {
  readonly path: string;
  readonly owner: Database;
  /** The names of all files in its folder. */
  files(): string[];
  /** A source that reads some of its tables, declared as a stored one is. */
  source(
    tables: readonly SqlTableDefinition[],
    more?: Partial<Omit<SqlSourceDefinition, 'kind' | 'tables'>>,
  ): Source;
  [Symbol.dispose](): void;
}

/** Makes a file with what `sql` says. */
export function makeFile(sql: string, fileName = 'shop.db'): OwnedFile {
  const dir = makeTempDir();
  const path = dir.join(fileName);
  const owner = new Database(path);
  owner.exec(sql);
  return {
    path,
    owner,
    files: () => readdirSync(dir.path).sort(),
    source(tables, more = {}) {
      const definition = sqlSource({ name: 'shop', url: path, tables, ...more });
      return openSource(parseSourceDefinition(JSON.parse(JSON.stringify(definition))), { environment: {} });
    },
    [Symbol.dispose]() {
      owner.close();
      dir.remove();
    },
  };
}
