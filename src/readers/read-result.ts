import type { DocumentInput } from '../domain/document.ts';
import type { SynclineError } from '../domain/errors.ts';

/** Files of folders that were left out because of their kind, counted over all paths; given once, at the end. */
export interface SkippedFiles {
  readonly count: number;
  /** How many by extension (`".png"`; `""` for none), the 100 that were met first. */
  readonly byExtension: Readonly<Record<string, number>>;
}

/** One thing that a reader found: a document, something that could not be read, or what was left out. */
export type ReadResult =
  | {
      readonly document: DocumentInput;
      /** What is odd about it, though it was read: a sentence that names the file. */
      readonly note?: string;
    }
  | {
      /** `SOURCE_UNREADABLE`, `DOCUMENT_TOO_LARGE`, `PACKAGE_MISSING` or `INVALID_DOCUMENT`; its details hold `path` and `line`. */
      readonly problem: SynclineError;
      readonly path: string;
      /** Line of a JSONL file, from 1. */
      readonly line?: number;
    }
  | { readonly skipped: SkippedFiles };
