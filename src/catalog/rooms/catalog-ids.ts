import type { CatalogIds } from '../catalog.ts';
import type { CatalogSession } from '../session.ts';
import { statement } from '../sql-driver.ts';
import { integerAt, textAt } from '../sql-values.ts';

/** The catalog's id, which its tables carry. */
export async function readIdentity(session: CatalogSession): Promise<string> {
  const [row] = await session.rows(statement('select cast(catalog_id as blob) from catalog_identity'));
  return textAt(row ?? [], 0);
}

/** The largest ids given out so far, also those whose rows are gone. */
export async function lastIds(session: CatalogSession): Promise<CatalogIds> {
  const [row] = await session.rows(
    statement(
      `select coalesce((select seq from sqlite_sequence where name = 'documents'), 0),
              coalesce((select seq from sqlite_sequence where name = 'chunks'), 0),
              coalesce((select seq from sqlite_sequence where name = 'generations'), 0)`,
    ),
  );
  const values = row ?? [];
  return {
    documentId: integerAt(values, 0),
    chunkId: integerAt(values, 1),
    generationId: integerAt(values, 2),
  };
}

/** Raises the sequences that ids are given out from; one that is further on stays. */
export async function raiseIds(session: CatalogSession, token: number, ids: CatalogIds): Promise<void> {
  const wanted = [
    ['documents', ids.documentId],
    ['chunks', ids.chunkId],
    ['generations', ids.generationId],
  ] as const;
  await session.write(
    token,
    wanted.flatMap(([name, id]) => [
      statement(
        `insert into sqlite_sequence (name, seq)
         select ?1, 0 where not exists (select 1 from sqlite_sequence where name = ?1)`,
        name,
      ),
      statement('update sqlite_sequence set seq = max(seq, ?2) where name = ?1', name, id),
    ]),
  );
}
