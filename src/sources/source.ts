import type { DocumentInput } from '../domain/document.ts';
import type { ErrorCode } from '../domain/errors.ts';

/*
 * Where documents come from when they are not pushed: a database, a folder, a file. Sources are read only; what is done with
 * what they give is up to who reads them.
 */

/**
 * What names a record in its table: a key column's value, or the values of several in the order in which they are declared.
 * Integers beyond 2^53 are given as text.
 */
export type SourceId = string | number | readonly (string | number)[];

/** A document as a source gives it: it belongs to the source by which it comes. */
export type SourceDocument = Omit<DocumentInput, 'source'>;

/** A record that cannot become a document. It harms no other. */
export interface RefusedRecord {
  /**
   * The key of the document that the record would be: this document is there and must not be taken for a deleted one.
   * `undefined` when nobody knows which one it is: then nothing at all may be taken for deleted.
   */
  readonly key: string | undefined;
  readonly code: ErrorCode;
  readonly message: string;
}

/** One thing that a source gives. */
export type SourceRecord = { readonly document: SourceDocument } | { readonly refused: RefusedRecord };

/** Options of {@link Source.extractAll}. */
export interface ExtractAllOptions {
  readonly signal: AbortSignal;
  /**
   * Unix milliseconds: only records changed since then are wanted. A source that cannot tell gives all. As clocks differ and
   * transactions take time, callers go back some minutes further than their last run. What is not given is not deleted.
   */
  readonly since?: number;
}

/** Options of {@link Source.extractByIds}. */
export interface ExtractByIdsOptions {
  readonly signal: AbortSignal;
}

/**
 * Something that documents are read from. Opens nothing before the first extraction; several may run at once. An
 * extraction that ends without an error has given everything; one that throws has not, whatever it gave before.
 * Ending an iteration early, or aborting its signal, frees what it holds.
 */
export interface Source {
  /** Names its documents' `source`. */
  readonly name: string;
  /** `"sql"`, `"folder"`, `"jsonl"`, or a word of yours. */
  readonly kind: string;
  /** The tables that {@link extractByIds} knows; `undefined` when any name will do. */
  readonly tables: readonly string[] | undefined;
  /** Whether {@link ExtractAllOptions.since} has an effect. */
  readonly knowsChanges?: boolean;
  /**
   * The key of the document that the record with this id is, or would be if it were there.
   *
   * @throws SynclineError `INVALID_SOURCE_ID`.
   */
  documentKey(table: string, id: SourceId): string;
  /** Everything, no key twice. */
  extractAll(options: ExtractAllOptions): AsyncIterable<SourceRecord>;
  /**
   * The records of these ids, in any order and each once. An id that is not given is not there (any more). One that
   * cannot be an id of the table is refused (`INVALID_SOURCE_ID`).
   *
   * @throws SynclineError `INVALID_SOURCE` for a table that is none of {@link tables}.
   */
  extractByIds(
    table: string,
    ids: readonly SourceId[],
    options: ExtractByIdsOptions,
  ): AsyncIterable<SourceRecord>;
  /** Frees what is held. A source that is read again opens again. */
  close?(): Promise<void>;
}
