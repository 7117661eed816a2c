import type { Catalog } from '../catalog/catalog.ts';
import { SynclineError } from '../domain/errors.ts';
import type { TableInspection, VectorStore } from '../vectors/vector-store.ts';

/** The end of the names that generations give their tables, for tables that cannot be opened. */
const GENERATION_NAME = /__g\d+/;

/**
 * Hands the catalog on, unless it would be made anew where tables of another one lie: then it was lost, or the folder is the
 * wrong one. Called before anything is asked of the catalog; opens no table where there is a catalog.
 *
 * @throws SynclineError `CATALOG_LOST`, with the catalog closed again.
 */
export async function refuseLostCatalog(
  catalog: Catalog,
  store: VectorStore,
  vectorsUri: string,
): Promise<Catalog> {
  try {
    if (await catalog.isCreated()) return catalog;
    const found = await findOurTable(store);
    if (found === undefined) return catalog;
    throw lostError(catalog.location, vectorsUri, found);
  } catch (error) {
    await catalog.close();
    throw error;
  }
}

/** The first table of the store that Syncline made, as far as that can be told. */
async function findOurTable(store: VectorStore): Promise<TableInspection | undefined> {
  for (const name of await store.tableNames()) {
    const table = await store.inspectTable(name);
    if (table.kind === 'ours' || (table.kind === 'unreadable' && GENERATION_NAME.test(name))) return table;
  }
  return undefined;
}

function lostError(location: string, vectorsUri: string, { name, origin }: TableInspection): SynclineError {
  const whose = origin === undefined ? '' : ` of ${origin.address.project}/${origin.address.dataset}`;
  return new SynclineError(
    'CATALOG_LOST',
    `There is no catalog at ${location}, but ${vectorsUri} holds tables of one, such as "${name}"${whose}. Nothing was made or changed. If the catalog is lost, restore a backup ("syncline restore FILE") or make it again from the tables ("syncline catalog recover"); else give another dataDir.`,
    { details: { catalog: location, vectorsUri, table: name } },
  );
}
