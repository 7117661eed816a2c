import type { Catalog } from '../catalog/catalog.ts';
import { SynclineError } from '../domain/errors.ts';
import type { RuntimeAdapters } from './adapters.ts';

/** Opens the catalog when it is first asked for, once; again after an opening that failed. */
export function catalogOpener(
  openCatalog: RuntimeAdapters['openCatalog'],
  isClosed: () => boolean,
): { catalog: () => Promise<Catalog>; close: () => Promise<void> } {
  let opened: Promise<Catalog> | undefined;
  return {
    catalog() {
      if (isClosed()) return Promise.reject(runtimeStopped());
      opened ??= openCatalog().catch((error: unknown) => {
        opened = undefined;
        throw error;
      });
      return opened;
    },
    async close() {
      await (await opened)?.close();
    },
  };
}

/** For whoever asks something of a runtime that was stopped. */
export function runtimeStopped(): SynclineError {
  return new SynclineError(
    'RUNTIME_STOPPED',
    'This runtime was stopped; create a new one with createSyncline().',
  );
}
