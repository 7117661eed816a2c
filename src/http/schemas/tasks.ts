import { z } from '@hono/zod-openapi';
import type { TaskRecord } from '../../runtime/tasks.ts';
import { publicMessage } from '../problem-kinds.ts';
import { failureSchema, failureWith, isoTime, pageOf, timeSchema } from './common.ts';

/** Longest wait for a task in one request, in seconds. */
const WAIT_MAX_S = 60;

export const waitQuery = z.object({
  wait: z.coerce.number().int().min(0).max(WAIT_MAX_S).default(0).openapi({
    type: 'integer',
    description: 'Seconds to wait for the end of the work before answering 202. It goes on in any case.',
  }),
});

export const taskStateSchema = z.enum(['running', 'succeeded', 'failed', 'cancelled']).openapi('TaskState');

export const taskSchema = z
  .object({
    id: z.number().int().min(1),
    kind: z.string().openapi({ example: 'rebuild' }),
    state: taskStateSchema,
    dataset: z.string().optional().openapi({ description: '`project/dataset`; absent once it is gone.' }),
    startedAt: timeSchema,
    finishedAt: timeSchema.optional(),
    progress: z.record(z.string(), z.number()).openapi({ description: 'Counts, by name.' }),
    failure: failureSchema.optional(),
    refused: z
      .array(failureWith({ key: z.string().openapi({ description: 'Empty where it is not known.' }) }))
      .optional()
      .openapi({
        description:
          'The first records or documents that were not taken in, up to 100, once it has ended; all are counted in `progress`. Not in lists, and of the newest tasks alone.',
      }),
  })
  .openapi('Task');

export const taskPageSchema = pageOf(taskSchema, 'TaskPage');

export function taskOf(task: TaskRecord): z.infer<typeof taskSchema> {
  const { taskId, kind, state, address, startedAtMs, finishedAtMs, progress, error, refused } = task;
  return {
    id: taskId,
    kind,
    state,
    ...(address !== undefined && { dataset: address }),
    startedAt: isoTime(startedAtMs),
    ...(finishedAtMs !== undefined && { finishedAt: isoTime(finishedAtMs) }),
    progress,
    ...(error !== undefined && { failure: readError(error) }),
    ...(refused && {
      refused: refused.map(({ key, code, message }) => ({ key, code, detail: publicMessage(code, message) })),
    }),
  };
}

/** Tasks keep `CODE: message`; one that was cut short by the end of its process has no code. */
export function readError(error: string): z.infer<typeof failureSchema> {
  const [, code, message] = /^([A-Z_]+): (.*)$/s.exec(error) ?? [];
  if (code === undefined || message === undefined) return { code: 'CUT_SHORT', detail: error };
  return { code, detail: publicMessage(code, message) };
}

/** The answers of a route that begins a task. */
export function taskResponses(what: string) {
  const content = { 'application/json': { schema: taskSchema } };
  const header = (description: string) => ({ description, schema: { type: 'string' as const } });
  return {
    200: { description: `${what}: done`, headers: { 'Content-Location': header('The task') }, content },
    202: {
      description: `${what}: going on`,
      headers: { Location: header('The task, to watch it') },
      content,
    },
  };
}
