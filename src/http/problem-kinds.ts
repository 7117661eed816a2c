import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { ProblemCode } from './http-error.ts';

/** How a code is told over HTTP. */
export interface ProblemKind {
  readonly status: ContentfulStatusCode;
  /** One sentence, the same for every problem of the code. */
  readonly title: string;
  /** Whether the error's own message is shown. Others may name folders, servers or processes of this host. */
  readonly isMessagePublic: boolean;
}

const shown = (status: ContentfulStatusCode, title: string): ProblemKind => ({
  status,
  title,
  isMessagePublic: true,
});
const hidden = (status: ContentfulStatusCode, title: string): ProblemKind => ({
  status,
  title,
  isMessagePublic: false,
});

/** Every code, in the order of `ErrorCode`; the compiler sees to it that none is missing. */
export const PROBLEM_KINDS: Readonly<Record<ProblemCode, ProblemKind>> = {
  INVALID_REQUEST: shown(422, 'The request is not as the API describes it'),
  UNAUTHORIZED: shown(401, 'An API key is needed'),
  FORBIDDEN: shown(403, 'The request is not allowed'),
  NOT_FOUND: shown(404, 'There is nothing at this address'),
  METHOD_NOT_ALLOWED: shown(405, 'This address does not know the method'),
  REQUEST_TIMEOUT: shown(408, 'The request did not come in time'),
  PAYLOAD_TOO_LARGE: shown(413, 'The body is too large'),
  UPGRADE_REQUIRED: shown(426, 'This address takes WebSockets only'),
  TOO_MANY_STREAMS: shown(503, 'There are as many event streams as there may be'),
  UNSUPPORTED_MEDIA_TYPE: shown(415, 'The body has a type that this address does not take'),
  RATE_LIMITED: shown(429, 'Too many requests came'),

  IDEMPOTENCY_KEY_REUSED: shown(422, 'The idempotency key belongs to another request'),

  INVALID_OPTION: shown(422, 'An option is wrong'),
  INVALID_ADDRESS: shown(422, 'A project or dataset has a name that is not allowed'),
  INVALID_DOCUMENT: shown(422, 'A document is wrong'),
  INVALID_METADATA: shown(422, 'Metadata is wrong'),
  INVALID_FILTER: shown(422, 'A filter is wrong'),
  INVALID_FIELD: shown(422, 'A field cannot be declared'),
  INVALID_QUERY: shown(422, 'A search is wrong'),
  INVALID_VECTOR: shown(422, 'A vector cannot be taken'),
  DUPLICATE_KEY: shown(422, 'A key stands twice in one request'),
  DOCUMENT_TOO_LARGE: shown(413, 'A document is too large'),
  SOURCE_UNREADABLE: hidden(422, 'The source cannot be read'),

  INVALID_SOURCE: shown(422, 'A source is declared wrongly, or does not have what was asked for'),
  INVALID_SOURCE_ID: shown(422, 'An id cannot be one of the source'),
  SOURCE_BUSY: hidden(503, 'The source is locked by its owner'),
  SOURCE_UNREACHABLE: hidden(502, 'The source does not answer'),
  SOURCE_STALLED: hidden(502, 'The source gave nothing for too long'),
  SOURCE_FAILED: hidden(502, 'The source failed'),
  SOURCE_NOT_FOUND: shown(404, 'The dataset has no such source'),
  MASS_DELETION_REFUSED: shown(409, 'Most documents of a source would be removed'),
  INVALID_SCHEDULE: shown(422, 'A schedule is wrong'),
  PACKAGE_MISSING: shown(501, 'An optional package is not installed'),

  DATASET_NOT_FOUND: shown(404, 'There is no such dataset'),
  DATASET_EXISTS: shown(409, 'The dataset exists with other settings'),
  DATASET_DELETING: shown(409, 'The dataset is being deleted'),
  DATASET_RECONFIGURING: shown(409, 'The dataset is on its way to another configuration'),
  NO_EARLIER_TABLE: shown(409, 'No earlier table is kept'),
  PROFILE_MISMATCH: shown(409, 'The dataset was made by another embedder'),
  DOCUMENT_NOT_FOUND: shown(404, 'There is no such document'),

  TASK_NOT_FOUND: shown(404, 'There is no such task'),
  TASK_NOT_RUNNING: shown(409, 'The task cannot be cancelled'),

  ACTOR_NOT_FOUND: shown(404, 'There is no such actor'),
  EVENT_NOT_ALLOWED: shown(409, 'The actor does not take the event in its present state'),

  LEASE_HELD: hidden(409, 'Another worker holds the catalog; only it can write'),
  LEASE_LOST: hidden(503, 'Another worker has taken the catalog over'),

  CATALOG_MISSING: hidden(404, 'There is no catalog yet; the first ingestion makes it'),
  CATALOG_LOST: hidden(503, 'The catalog is missing although its tables are there'),
  CATALOG_UNREADABLE: hidden(503, 'The catalog cannot be read'),
  CATALOG_CORRUPT: hidden(503, 'The catalog is damaged'),
  CATALOG_FOREIGN: hidden(503, 'The catalog holds something else'),
  CATALOG_NEWER: hidden(503, 'The catalog was made by a newer Syncline'),
  CATALOG_OUTDATED: hidden(503, 'The catalog lacks migrations'),
  CATALOG_READ_ONLY: hidden(403, 'The catalog cannot be written here'),
  CATALOG_BUSY: hidden(503, 'The catalog is locked by another process'),
  CATALOG_UNREACHABLE: hidden(503, 'The catalog does not answer'),
  CATALOG_FAILED: hidden(500, 'The catalog refused a statement'),
  MIGRATION_EDITED: hidden(503, 'The catalog was made with other migrations'),

  BACKUP_FAILED: hidden(500, 'The backup cannot be written'),
  BACKUP_UNSUPPORTED: hidden(409, 'The catalog is on a server, which makes its own backups'),
  BACKUP_UNUSABLE: hidden(422, 'The backup cannot be used'),
  FILE_EXISTS: hidden(409, 'The file exists and is not replaced'),

  TABLE_MISSING: hidden(503, 'The table of the dataset is missing; it is built anew'),
  TABLE_DAMAGED: hidden(503, 'The table of the dataset is damaged; it is built anew'),
  TABLE_SCHEMA_DIFFERS: hidden(503, 'The table of the dataset has other columns; it is built anew'),
  TABLE_CONFLICT: hidden(503, 'Something else wrote to the table of the dataset'),
  TABLE_FAILED: hidden(503, 'The table of the dataset cannot be used'),
  CHECK_INTERRUPTED: shown(409, 'The dataset was written to while it was checked'),
  DISK_FULL: hidden(507, 'The disk is full'),

  EMBEDDING_REQUEST_REFUSED: hidden(502, 'The embedding provider refused a request'),
  EMBEDDING_ANSWER_INVALID: hidden(502, 'The embedding provider gave an answer that cannot be used'),
  PROVIDER_AUTH: hidden(502, 'The embedding provider refused the key'),
  PROVIDER_QUOTA: hidden(503, 'The quota at the embedding provider is used up'),
  SPEND_CAP_REACHED: shown(402, 'The cap on what may be spent is reached'),
  PROVIDER_RATE_LIMITED: hidden(503, 'The embedding provider asks to wait'),
  PROVIDER_UNREACHABLE: hidden(502, 'The embedding provider does not answer'),
  PROVIDER_FAILED: hidden(502, 'The embedding provider failed'),

  BATCH_LIMIT_REACHED: hidden(503, 'The provider has too much enqueued already'),
  BATCH_REFUSED: hidden(502, 'The provider refused a batch job'),
  BATCH_RESULTS_LOST: hidden(502, 'The results of a batch job are not there'),
  BATCH_OVERDUE: hidden(502, 'The provider did not finish a batch job in time'),
  BATCH_LEFT_BEHIND: hidden(502, 'A batch job was left at its provider'),
  BATCH_NOT_FOUND: shown(404, 'There is no such batch job'),
  BATCH_NOT_ALLOWED: shown(409, 'That cannot be done with the batch job in its present state'),
  BATCH_UNSUPPORTED: shown(409, 'The embedder has no batch API'),

  LISTEN_FAILED: hidden(500, 'The service cannot listen'),

  RUNTIME_STOPPED: hidden(503, 'The runtime was stopped, or is not started and this needs it'),
  ABORTED: shown(409, 'The work was ended early; what was done is kept'),
  INTERNAL: hidden(500, 'Something went wrong here; the request id finds it in the log'),
};

/** What may be shown to callers of an error: its message, or its title where the message may name things of this host. */
export function publicMessage(code: string, message: string): string {
  const kind = Object.hasOwn(PROBLEM_KINDS, code)
    ? PROBLEM_KINDS[code as ProblemCode]
    : PROBLEM_KINDS.INTERNAL;
  if (kind.isMessagePublic) return message;
  return code.startsWith('SOURCE_') ? publicSourceMessage(kind.title, message) : `${kind.title}.`;
}

/** Parts of messages about sources, which name nothing of this host, and what callers are told for them. */
const SOURCE_REASONS = [
  ['there is no such file', 'there is no such file or folder'],
  ['the permission to read it is missing', 'the permission to read it is missing'],
  ['a part of its path is a file', 'a part of its path is a file, not a folder'],
  ['is empty', 'it is empty'],
  ['it is not a SQLite database', 'it is not a SQLite database'],
] as const;

/** Which source it is, by the name that callers know, and why where that can be told. */
function publicSourceMessage(title: string, message: string): string {
  const name = /\bsource "([A-Za-z0-9._-]{1,100})"/.exec(message)?.[1];
  const [, reason] = SOURCE_REASONS.find(([part]) => message.includes(part)) ?? [];
  const told = name === undefined ? title : title.replace('The source', `The source "${name}"`);
  return `${told}${reason === undefined ? '' : `: ${reason}`}.`;
}
