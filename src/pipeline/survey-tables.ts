import type { Catalog, GenerationRecord } from '../catalog/catalog.ts';
import type { TableInspection, VectorStore } from '../vectors/vector-store.ts';

/** A table in the folder that no generation of the catalog has. */
export interface UnknownTable extends TableInspection {
  /**
   * `orphan`: made for this catalog, which does not know it: it is older than the table. `foreign`: of another catalog.
   * `unclear`: it does not say whose it is, or cannot be opened; `other`: not made by Syncline.
   */
  readonly standing: 'orphan' | 'foreign' | 'unclear' | 'other';
}

/** The folder of tables beside the catalog. */
export interface TableSurvey {
  readonly known: readonly GenerationRecord[];
  /** Names of known tables that are not there. */
  readonly missing: readonly string[];
  readonly unknown: readonly UnknownTable[];
}

const GENERATIONS_PER_PAGE = 1_000;

/** Compares the names in the folder with those in the catalog, and looks into those that the catalog does not know. */
export async function surveyTables(
  catalog: Pick<Catalog, 'identity' | 'listAllGenerations'>,
  store: VectorStore,
): Promise<TableSurvey> {
  // Names first: a table that is made meanwhile is then in the catalog already.
  const names = await store.tableNames();
  const known = await listKnown(catalog);
  const knownNames = new Set(known.map(({ tableName }) => tableName));
  const thereNames = new Set(names);
  const unknown: UnknownTable[] = [];
  for (const name of names) {
    if (knownNames.has(name)) continue;
    const table = await store.inspectTable(name);
    unknown.push({ ...table, standing: standingOf(table, await catalog.identity()) });
  }
  const missing = known
    .filter(({ recorded, tableName }) => recorded !== undefined && !thereNames.has(tableName))
    .map(({ tableName }) => tableName);
  return { known, missing, unknown };
}

async function listKnown(catalog: Pick<Catalog, 'listAllGenerations'>): Promise<GenerationRecord[]> {
  const known: GenerationRecord[] = [];
  for (;;) {
    const afterGenerationId = known.at(-1)?.generationId ?? 0;
    const page = await catalog.listAllGenerations({ afterGenerationId, limit: GENERATIONS_PER_PAGE });
    known.push(...page);
    if (page.length < GENERATIONS_PER_PAGE) return known;
  }
}

function standingOf({ kind, origin }: TableInspection, catalogId: string): UnknownTable['standing'] {
  if (kind === 'other') return 'other';
  if (origin === undefined) return 'unclear';
  return origin.catalogId === catalogId ? 'orphan' : 'foreign';
}
