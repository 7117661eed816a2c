import { isSynclineError } from '../domain/errors.ts';
import type { Syncline } from '../index.ts';

/**
 * A catalog is not made just to say that there is nothing in it. What else is wrong with one is for the work itself to tell; an
 * older one is migrated by it.
 *
 * @throws SynclineError `CATALOG_MISSING`, `CATALOG_LOST`.
 */
export async function requireCatalog(runtime: Syncline): Promise<void> {
  try {
    await runtime.status();
  } catch (error) {
    if (isSynclineError(error, 'CATALOG_MISSING', 'CATALOG_LOST')) throw error;
  }
}
