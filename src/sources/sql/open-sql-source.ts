import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SynclineError } from '../../domain/errors.ts';
import { type Environment, type EnvironmentReference, readReference } from '../environment.ts';
import type { Source } from '../source.ts';
import type { SqlDatabase } from './database.ts';
import { databaseKind, secretsIn } from './database-url.ts';
import { connectFile } from './file-connection.ts';
import type { SqlSourceDefinition } from './sql-definition.ts';
import { createSqlSource } from './sql-source.ts';
import { createSqliteDatabase } from './sqlite-database.ts';

const STATEMENT_MS_MAX = 30_000;
const LOCK_WAIT_MS = 5_000;
const ROWS_MAX = 500;

/** The source that a definition describes. The environment is read at each extraction, so that a changed secret is taken up. */
export function openSqlSource(
  definition: SqlSourceDefinition,
  { environment, cwd }: { readonly environment: Environment; readonly cwd: string },
): Source {
  const { name } = definition;
  const { statementMsMax = STATEMENT_MS_MAX, lockWaitMs = LOCK_WAIT_MS, rowsMax = ROWS_MAX } = definition;
  const given = (value: string | EnvironmentReference): string =>
    typeof value === 'string' ? value : readReference(name, value, environment);

  async function open(signal: AbortSignal): Promise<SqlDatabase> {
    const url = given(definition.url);
    const authToken = definition.authToken === undefined ? undefined : given(definition.authToken);
    const common = {
      sourceName: name,
      statementMsMax,
      signal,
      hide: hiding([...secretsIn(url), authToken ?? '']),
    };
    switch (databaseKind(url)) {
      case 'file': {
        const path = pathOf(name, url, cwd);
        return createSqliteDatabase(name, connectFile({ ...common, path, lockWaitMs }), rowsMax);
      }
      case 'libsql': {
        const { connectServer } = await import('./server-connection.ts');
        return createSqliteDatabase(name, connectServer({ ...common, url, authToken }), rowsMax);
      }
      case 'postgres': {
        const { openPostgres } = await import('./postgres-database.ts');
        return openPostgres({ ...common, url, rowsMax, lockWaitMs });
      }
      case undefined:
        throw new SynclineError(
          'INVALID_SOURCE',
          `The URL of the source "${name}" is neither a file nor a libsql:, http(s):, ws(s): or postgres: URL.`,
          { details: { source: name } },
        );
    }
  }

  return createSqlSource(definition, open);
}

function pathOf(name: string, url: string, cwd: string): string {
  if (!/^file:/i.test(url)) return resolve(cwd, url);
  try {
    // "file:shop.db" is relative, as libSQL has it.
    return url.startsWith('file:/')
      ? fileURLToPath(url)
      : resolve(cwd, decodeURIComponent(url.slice('file:'.length)));
  } catch {
    throw new SynclineError('INVALID_SOURCE', `The URL of the source "${name}" names no file: ${url}.`, {
      details: { source: name },
    });
  }
}

/** Takes secrets out of texts, the longest first: one may hold another. */
function hiding(secrets: readonly string[]): (text: string) => string {
  const known = [...new Set(secrets)].filter((secret) => secret !== '').sort((a, b) => b.length - a.length);
  return (text) => known.reduce((shown, secret) => shown.replaceAll(secret, '***'), text);
}
