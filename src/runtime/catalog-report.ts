import type { CatalogSummary } from '../catalog/catalog-files.ts';
import { isSynclineError } from '../domain/errors.ts';
import { surveyTables, type UnknownTable } from '../pipeline/survey-tables.ts';
import type { RuntimeCore } from './core.ts';

/** A table in the folder that the catalog does not know. Nobody writes to it, drops it or sweeps it, except an `orphan`. */
export interface StrangeTable {
  readonly name: string;
  /**
   * `foreign`: of another catalog. `orphan`: of this one, which is older than the table (it was restored); the next worker takes
   * its vectors over and drops it. `unclear`: it does not say, or cannot be opened. `other`: Syncline did not make it.
   */
  readonly standing: UnknownTable['standing'];
  /** One sentence. */
  readonly reason: string;
}

/** What {@link Syncline.checkCatalog} found. */
export interface CatalogReport {
  readonly catalog: string;
  /** What its tables carry. */
  readonly catalogId: string;
  /** What is in it, after SQLite's check of the whole file; `undefined` for a catalog on a server, which checks itself. */
  readonly summary: CatalogSummary | undefined;
  /** Tables that the catalog has and the folder has not; they are built anew by the next `index` or start. */
  readonly missingTables: readonly string[];
  readonly strangeTables: readonly StrangeTable[];
}

/** See {@link Syncline.checkCatalog}. */
export async function checkCatalog(core: RuntimeCore): Promise<CatalogReport> {
  const catalog = await core.catalog();
  const catalogId = await catalog.identity();
  const summary = core.catalogPath === undefined ? undefined : await core.files.check(core.catalogPath);
  const { missing, unknown } = await surveyTables(catalog, core.store);
  return {
    catalog: catalog.location,
    catalogId,
    summary,
    missingTables: missing,
    strangeTables: unknown.map(strangeTable),
  };
}

/** The tables that the catalog does not know; none when their folder cannot be read, which searches and workers tell of. */
export async function strangeTables(core: RuntimeCore): Promise<StrangeTable[]> {
  try {
    const { unknown } = await surveyTables(await core.catalog(), core.store);
    return unknown.map(strangeTable);
  } catch (error) {
    if (isSynclineError(error, 'TABLE_FAILED')) return [];
    throw error;
  }
}

function strangeTable({ name, standing, origin, problem }: UnknownTable): StrangeTable {
  return { name, standing, reason: reasonOf(standing, origin?.catalogId, problem?.message) };
}

function reasonOf(
  standing: UnknownTable['standing'],
  catalogId: string | undefined,
  problem: string | undefined,
): string {
  switch (standing) {
    case 'orphan':
      return 'It was made for this catalog after the backup that the catalog was restored from. The next worker takes its vectors over and drops it.';
    case 'foreign':
      return `It belongs to another catalog (${catalogId}) and is left alone. Give that catalog a folder of its own.`;
    case 'unclear':
      return problem === undefined
        ? 'It does not say which catalog it belongs to, and is left alone.'
        : `It cannot be opened and is left alone: ${problem}`;
    case 'other':
      return 'Syncline did not make it, and leaves it alone.';
  }
}
