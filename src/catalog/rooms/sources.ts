import type { StoredSource } from '../indexing-catalog.ts';
import type { CatalogSession } from '../session.ts';
import { NOW_MS } from '../sql-clock.ts';
import { type SqlStatement, statement, statementForEach } from '../sql-driver.ts';
import { integerAt, optionalIntegerAt, textAt } from '../sql-values.ts';

/** Keys of one answer: about 1 MB where they are long. */
const KEYS_PER_ANSWER = 5_000;

export async function listSources(session: CatalogSession, datasetId: number): Promise<StoredSource[]> {
  const rows = await session.rows(
    statement(
      `select cast(name as blob), cast(definition as blob), read_until_ms from dataset_sources
       where dataset_id = ? order by source_id`,
      datasetId,
    ),
  );
  return rows.map((row) => ({
    name: textAt(row, 0),
    definitionJson: textAt(row, 1),
    readUntilMs: optionalIntegerAt(row, 2),
  }));
}

/**
 * The names of sources of datasets that nothing was ever read of, each after its dataset's id. One that gave something that was
 * refused has not been read to its end, but read.
 */
export function unreadSourcesStatement(datasetIds: readonly number[]): SqlStatement {
  return statement(
    `select s.dataset_id, cast(s.name as blob) from dataset_sources s
     where s.dataset_id in (select value from json_each(?)) and s.read_until_ms is null
       and not exists (
         select 1 from documents o where o.dataset_id = s.dataset_id and o.source = s.name and o.removed = 0)
     order by s.source_id`,
    JSON.stringify(datasetIds),
  );
}

export async function setSources(
  session: CatalogSession,
  token: number,
  datasetId: number,
  sources: readonly { readonly name: string; readonly definitionJson: string }[],
  { keepOthers }: { readonly keepOthers: boolean },
): Promise<void> {
  const names = JSON.stringify(sources.map(({ name }) => name));
  await session.write(token, [
    statement('insert into dataset_guard values (?)', datasetId),
    ...(keepOthers
      ? []
      : [
          statement(
            'delete from dataset_sources where dataset_id = ? and name not in (select value from json_each(?))',
            datasetId,
            names,
          ),
        ]),
    ...(sources.length === 0
      ? []
      : [
          statementForEach(
            `insert into dataset_sources (dataset_id, name, definition, changed_at_ms) values (?, ?, ?, ${NOW_MS})
             on conflict (dataset_id, name) do update
             set definition = excluded.definition, read_until_ms = null, changed_at_ms = ${NOW_MS}
             where definition <> excluded.definition`,
            sources.map(({ name, definitionJson }) => [datasetId, name, definitionJson]),
          ),
        ]),
  ]);
}

export async function noteSourceRead(
  session: CatalogSession,
  token: number,
  datasetId: number,
  source: { readonly name: string; readonly definitionJson: string; readonly readUntilMs: number },
): Promise<void> {
  await session.write(token, [
    statement(
      'update dataset_sources set read_until_ms = ? where dataset_id = ? and name = ? and definition = ?',
      source.readUntilMs,
      datasetId,
      source.name,
      source.definitionJson,
    ),
  ]);
}

/** Read from the index alone. */
export async function listDocumentKeys(
  session: CatalogSession,
  datasetId: number,
  page: { readonly source: string; readonly afterKey: string; readonly limit: number },
): Promise<string[]> {
  const rows = await session.rows(
    statement(
      `select cast(key as blob) from documents
       where dataset_id = ? and source = ? and key > ? and removed = 0 order by key limit ?`,
      datasetId,
      page.source,
      page.afterKey,
      Math.min(page.limit, KEYS_PER_ANSWER),
    ),
  );
  return rows.map((row) => textAt(row, 0));
}

export async function countDocuments(
  session: CatalogSession,
  datasetId: number,
  source: string,
): Promise<number> {
  const [row] = await session.rows(
    statement(
      'select count(*) from documents where dataset_id = ? and source = ? and removed = 0',
      datasetId,
      source,
    ),
  );
  return integerAt(row ?? [], 0);
}
