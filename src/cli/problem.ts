import { formatError } from './reported-error.ts';

/** Something of the input that was not taken in. */
export interface Problem {
  /** Stable; see `ErrorCode`. */
  readonly code: string;
  readonly message: string;
  /** The file, or `-`. */
  readonly path?: string;
  /** Line of a JSONL file, from 1. */
  readonly line?: number;
  /** The key of a document that was read but refused. */
  readonly key?: string;
}

/** `syncline: CODE: message`; the message of a reader names path and line already. */
export function formatProblem({ code, message, key }: Problem): string {
  return formatError(code, key === undefined ? message : `"${key}": ${message}`);
}
