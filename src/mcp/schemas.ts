import { z } from 'zod';
import type { DatasetStatus } from '../runtime/dataset-status.ts';
import type { SearchResult } from '../runtime/search.ts';
import type { TaskRecord, TaskRefusal } from '../runtime/tasks.ts';

/* What the tools take and give, as models see it. */

const count = z.number().int().min(0);

export const datasetInput = z
  .string()
  .min(3)
  .max(129)
  .describe('Address of a dataset: project/dataset, such as docs/website.');

/** Longest that a tool waits; clients give a call up after 60 s unless they are told otherwise. */
const WAIT_MAX_S = 55;

export const waitInput = z
  .number()
  .int()
  .min(0)
  .max(WAIT_MAX_S)
  .default(30)
  .describe(
    'How long to wait for the end, in seconds. The work goes on afterwards; dataset_status shows it.',
  );

export const searchInput = z.strictObject({
  query: z.string().min(1).max(10_000).describe('What to look for, in words.'),
  dataset: datasetInput.optional(),
  project: z
    .string()
    .max(64)
    .optional()
    .describe('Searches all datasets of a project. Not needed where there is only one project.'),
  limit: z.number().int().min(1).max(50).default(8).describe('Passages wanted.'),
  mode: z
    .enum(['hybrid', 'vector', 'text'])
    .default('hybrid')
    .describe('By meaning (vector), by words (text), or both.'),
  filter: z
    .record(z.string(), z.unknown())
    .optional()
    .describe(
      'Only documents that fit, by declared fields, source, key or title, such as {"op":"eq","field":"key","value":"a.md"}; op is eq, ne, lt, lte, gt, gte, in (values), contains, and, or (filters), not (filter).',
    ),
});

export const searchOutput = z.object({
  results: z.array(
    z.object({
      dataset: z.string(),
      key: z.string(),
      source: z.string(),
      title: z.string(),
      context: z.string().describe('Title and headings above the passage.'),
      text: z.string(),
      start: count.describe('Where the passage is in the document, in UTF-16 units.'),
      end: count,
      score: z.number().describe('Higher is better; comparable within one answer.'),
    }),
  ),
});

export function searchAnswer(results: readonly SearchResult[]): z.infer<typeof searchOutput> {
  return {
    results: results.map(({ dataset, key, source, title, context, text, start, end, score }) => {
      return { dataset, key, source, title, context, text, start, end, score };
    }),
  };
}

export const workerOutput = z.object({
  state: z
    .string()
    .describe(
      'notStarted, boot, dbEnsure, syncCheck, processing, rebuilding, idle, paused, backingOff, stopping',
    ),
  pauseReasons: z.array(z.string()),
  providers: z
    .array(z.object({ provider: z.string(), state: z.string(), code: z.string().optional() }))
    .describe('Embedding providers that are not available, and why.'),
});

export const listInput = z.strictObject({
  project: z.string().max(64).optional(),
  after: z.string().max(64).optional().describe('The next of the answer before.'),
  limit: z.number().int().min(1).max(200).default(50),
});

export const listOutput = z.object({
  datasets: z.array(
    z.object({ address: z.string(), profile: z.string().describe('Which model makes its vectors.') }),
  ),
  next: z.string().optional().describe('Gives the next page as after; absent on the last.'),
  worker: workerOutput,
  spend: z
    .object({
      usdPerDayMax: z.number().optional(),
      usdPerRunMax: z.number().optional(),
      spentTodayUsd: z.number(),
      held: z.array(z.string()).describe('Datasets that wait because a spend cap was reached.'),
    })
    .describe('What embedding may cost, and what it has cost today (UTC).'),
});

export const statusOutput = z.object({
  address: z.string(),
  phase: z.string().describe('What its worker does with it; notRunning when there is none.'),
  isUpToDate: z
    .boolean()
    .describe('Everything that was taken in can be searched, and every source was read at least once.'),
  unreadSources: z
    .array(z.string())
    .describe('Sources that nothing was ever read of: what they have is not in the dataset yet.'),
  documents: count,
  chunks: z.object({ pending: count, ready: count, failed: count }),
  waitingDocuments: count.describe('Documents that wait to be cut, embedded or written.'),
  rows: count.describe('Rows in the table that is searched.'),
  profile: z.string(),
  refusedChanges: count.describe(
    'Changes that were told and set aside, as they would delete too much at once: a person has to allow or drop them.',
  ),
  failure: z.object({ code: z.string(), message: z.string() }).optional(),
  failedRun: z
    .object({ taskId: count, kind: z.string(), at: z.string(), code: z.string(), message: z.string() })
    .optional()
    .describe('The newest run, where it failed and none has succeeded since.'),
  lastCheck: z.object({ level: z.string(), inSync: z.boolean(), at: z.string() }).optional(),
});

export function statusAnswer(
  status: DatasetStatus,
  explain: (code: string, message: string) => string,
): z.infer<typeof statusOutput> {
  const { address, phase, isUpToDate, unreadSources, counts, profile, table } = status;
  const { failure, failedRun, lastCheck, refusedChangeCount } = status;
  return {
    address,
    phase,
    isUpToDate,
    unreadSources: [...unreadSources],
    documents: counts.documents,
    chunks: { ...counts.chunks },
    waitingDocuments: counts.incomingDocuments + counts.queuedDocuments,
    rows: table?.rowCount ?? 0,
    profile,
    refusedChanges: refusedChangeCount,
    ...(failure && {
      failure: { code: failure.code, message: explain(failure.code, failure.message) },
    }),
    ...(failedRun && {
      failedRun: {
        taskId: failedRun.taskId,
        kind: failedRun.kind,
        at: new Date(failedRun.finishedAtMs).toISOString(),
        ...failureOf(failedRun.error ?? '', explain),
      },
    }),
    ...(lastCheck && {
      lastCheck: {
        level: lastCheck.level,
        inSync: lastCheck.inSync,
        at: new Date(lastCheck.atMs).toISOString(),
      },
    }),
  };
}

export const isDone = z.boolean().describe('False when it was still under way at the end of the wait.');

export const taskId = count.optional().describe('The task that the work is listed as, while it goes on.');

export const checkInput = z.strictObject({
  dataset: datasetInput,
  level: z
    .enum(['quick', 'rows', 'deep'])
    .default('quick')
    .describe('quick: the table opens and is at its mark; rows: every row; deep: every vector too.'),
  waitSeconds: waitInput,
});

export const checkOutput = z.object({
  isDone,
  inSync: z.boolean().optional(),
  proposal: z.string().optional().describe('What would put the table right: none, putBack, repair, rebuild.'),
  catalogRowCount: count.optional(),
  tableRowCount: count.optional(),
  findings: z.record(z.string(), count).optional().describe('How many of each kind differ.'),
});

export const rebuildInput = z.strictObject({ dataset: datasetInput, waitSeconds: waitInput });
export const rebuildOutput = z.object({
  isDone,
  taskId,
  table: z.string().optional(),
  rowCount: count.optional(),
  durationMs: z.number().optional(),
});

const refused = z.array(z.object({ key: z.string(), code: z.string(), message: z.string() })).optional();

/** Refused records that a tool names: a model reads every word. */
const REFUSED_TOLD_MAX = 20;

/** The first records that were not taken in, as a tool tells them. */
export function refusedAnswer(
  all: readonly TaskRefusal[],
  explain: (code: string, message: string) => string,
): z.infer<typeof refused> {
  if (all.length === 0) return undefined;
  return all
    .slice(0, REFUSED_TOLD_MAX)
    .map(({ key, code, message }) => ({ key, code, message: explain(code, message) }));
}

export const taskInput = z.strictObject({
  taskId: z.number().int().min(1),
  waitSeconds: waitInput.default(0),
});

export const taskOutput = z.object({
  taskId: count,
  kind: z.string(),
  state: z.string().describe('running, succeeded, failed, cancelled'),
  dataset: z.string().optional(),
  progress: z.record(z.string(), z.number()).describe('Counts, by name.'),
  failure: z.object({ code: z.string(), message: z.string() }).optional(),
  refused: refused.describe('The first records that were not taken in, with the reason.'),
});

export function taskAnswer(
  { taskId, kind, state, address, progress, error, refused }: TaskRecord,
  explain: (code: string, message: string) => string,
): z.infer<typeof taskOutput> {
  return {
    taskId,
    kind,
    state,
    ...(address !== undefined && { dataset: address }),
    progress: { ...progress },
    ...(error !== undefined && { failure: failureOf(error, explain) }),
    ...(refused && { refused: refusedAnswer(refused, explain) }),
  };
}

/** Why a task failed, from `CODE: message`. */
function failureOf(
  error: string,
  explain: (code: string, message: string) => string,
): { readonly code: string; readonly message: string } {
  const [, code, message] = /^([A-Z_]+): (.*)$/s.exec(error) ?? [];
  return code === undefined || message === undefined
    ? { code: 'CUT_SHORT', message: error }
    : { code, message: explain(code, message) };
}

export const indexInput = z.strictObject({
  dataset: datasetInput,
  retryFailed: z.boolean().default(false).describe('Also texts that were given up after several refusals.'),
  full: z
    .boolean()
    .default(false)
    .describe('Read its sources from end to end, and remove documents that they do not have any more.'),
  changedIds: z
    .record(z.string(), z.array(z.union([z.string(), z.number().int()])).max(10_000))
    .optional()
    .describe('Only these records, by table, such as {"orders":[1,2]}. Not together with full.'),
  source: z.string().max(100).optional().describe('Only this source of the dataset.'),
  waitSeconds: waitInput,
});
export const indexOutput = z.object({
  isDone,
  taskId,
  retriedCount: count.optional(),
  readCount: count.optional().describe('Records that the sources gave.'),
  unchangedCount: count.optional(),
  changedCount: count.optional(),
  addedCount: count.optional(),
  removedCount: count.optional(),
  unknownCount: count.optional().describe('Ids of changedIds that neither the source nor the dataset knows.'),
  failedCount: count.optional().describe('Records that cannot become documents.'),
  refused: refused.describe('The first of them, with the reason.'),
  embeddedCount: count.optional().describe('Texts that were embedded.'),
  reusedCount: count.optional().describe('Chunks whose text had a vector already.'),
  givenUpCount: count.optional(),
  tokensCharged: count.optional(),
  costUsd: z.number().optional(),
  durationMs: z.number().optional(),
});

export const noInput = z.strictObject({});
export const reasonInput = z.strictObject({
  reason: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('Work goes on when every reason was taken back. Default: asked for.'),
});
