import type { PreparedDocument } from '../domain/document.ts';
import type { Digest } from '../domain/hash.ts';
import type { GenerationRecord } from './records.ts';

/** A chunk as a table holds it, with the id that it had. */
export interface ImportedChunk {
  readonly chunkId: number;
  readonly ordinal: number;
  readonly start: number;
  readonly end: number;
  readonly tokenCount: number;
  readonly textHash: Digest;
  readonly context: string;
  readonly fingerprint: bigint;
  readonly vector: Float32Array;
}

/** A document put together from a table's rows, with the id that it had. */
export interface ImportedDocument {
  readonly documentId: number;
  readonly document: PreparedDocument;
  readonly chunks: readonly ImportedChunk[];
}

/** Where imported documents belong. */
export interface ImportTarget {
  readonly datasetId: number;
  readonly configurationId: number;
  readonly profileId: number;
  readonly generationId: number;
}

/** How much of a call was taken in; what was there already was not. */
export interface ImportCounts {
  readonly documents: number;
  readonly chunks: number;
}

/** Fills a new catalog with what tables hold, under the ids that they hold it under. Every call needs the lease. */
export interface CatalogImporter {
  /** Makes this catalog the one that tables with this id belong to. */
  adoptIdentity(catalogId: string): Promise<void>;
  /** A generation in state `building` under the id and the table name that it had. */
  adoptGeneration(
    target: Omit<ImportTarget, 'profileId'> & Pick<GenerationRecord, 'tableName'>,
  ): Promise<ImportTarget>;
  /** Takes documents in as indexed in the generation; one whose key or id is taken is left out. */
  importDocuments(target: ImportTarget, documents: readonly ImportedDocument[]): Promise<ImportCounts>;
  /** Makes the generation serve, with what its table is by the catalog's account. */
  finishImport(
    target: ImportTarget,
    recorded: { readonly version: number; readonly rowCount: number },
  ): Promise<void>;
}
