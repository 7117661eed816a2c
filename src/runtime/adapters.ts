import type { Catalog } from '../catalog/catalog.ts';
import type { CatalogFiles } from '../catalog/catalog-files.ts';
import { createCatalogFiles } from '../catalog/local/local-files.ts';
import { localCatalogPath, openCatalog } from '../catalog/open-catalog.ts';
import type { Clock } from '../domain/clock.ts';
import { type ChosenEmbedder, chooseEmbedder } from '../embedders/choose-embedder.ts';
import { openSource } from '../sources/open-source.ts';
import type { Source } from '../sources/source.ts';
import type { SourceDefinition } from '../sources/source-definition.ts';
import type { Watchable } from '../sources/source-listener.ts';
import { watchableOf } from '../sources/watch-source.ts';
import { createLanceVectorStore } from '../vectors/lance-vector-store.ts';
import type { VectorStore } from '../vectors/vector-store.ts';
import { type HostIdentity, hostIdentity } from './host-identity.ts';
import type { ResolvedOptions } from './options.ts';
import { systemClock } from './system-clock.ts';

/** Everything outside of itself that a runtime stands on. */
export interface RuntimeAdapters {
  readonly clock: Clock;
  /** Who this process is, for the lease. */
  readonly identity: HostIdentity;
  /** Called when the catalog is first needed, and again after a call that failed. */
  readonly openCatalog: () => Promise<Catalog>;
  /** The catalog's file; `undefined` when it is on a server. */
  readonly catalogPath: string | undefined;
  readonly files: CatalogFiles;
  readonly store: VectorStore;
  /** The embedder of new datasets. */
  readonly chosen: ChosenEmbedder;
  /** The source that a definition describes. */
  readonly openSource: (definition: SourceDefinition) => Source;
  /** How a source is watched, where it wants to be. */
  readonly watchableOf: (definition: SourceDefinition) => Watchable | undefined;
}

/** The real ones, as the options ask for them. Opens nothing yet. */
export function createAdapters(options: ResolvedOptions): RuntimeAdapters {
  return {
    clock: systemClock,
    identity: hostIdentity(),
    openCatalog: () =>
      openCatalog({
        url: options.catalogUrl,
        authToken: options.catalogAuthToken,
        access: options.access,
        timeoutMs: options.catalogTimeoutMs,
      }),
    catalogPath: localCatalogPath(options.catalogUrl),
    files: createCatalogFiles(),
    store: createLanceVectorStore({
      uri: options.vectorsUri,
      durable: options.durableTables,
      cleanupGraceMs: options.maintenance.versionsKeptMs,
      vectorIndexBytesMin: options.maintenance.vectorIndexBytesMin,
    }),
    chosen: chooseEmbedder(options.embedder, options.environment),
    openSource: (definition) => openSource(definition, { environment: options.environment }),
    watchableOf: (definition) => watchableOf(definition),
  };
}
