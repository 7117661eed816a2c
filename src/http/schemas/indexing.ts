import { z } from '@hono/zod-openapi';
import type { SourceStatus } from '../../runtime/indexing/dataset-sources.ts';
import type { RefusedChange } from '../../runtime/indexing/refused-changes.ts';
import type { ScheduleStatus } from '../../runtime/schedules/dataset-schedules.ts';
import { countSchema, datasetParams, isoTime, pageOf, timeSchema } from './common.ts';

const idSchema = z.union([z.string().min(1).max(1_024), z.number().int()]);
const keySchema = z.union([idSchema, z.array(idSchema).min(1).max(16)]);

export const indexSchema = z
  .strictObject({
    changedIds: z
      .record(z.string().min(1).max(255), z.array(keySchema).max(100_000))
      .optional()
      .openapi({
        description:
          'Only these records, by table; those that their source does not have any more are removed.',
        example: { orders: [1, 2] },
      }),
    full: z.boolean().optional().openapi({
      description: 'Read the sources from end to end, and remove what they do not have any more.',
    }),
    source: z.string().min(1).max(100).optional().openapi({ description: 'Only this source. Default: all.' }),
    allowMassDeletion: z.boolean().optional().openapi({
      description:
        'Remove as much as there is to remove, also all of a source. Without `changedIds` and `source`, also what was refused and set aside.',
    }),
  })
  .openapi('IndexRun');

export const sourceParams = datasetParams.extend({
  source: z
    .string()
    .max(100)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, ".", "_" and "-"')
    .openapi({ param: { name: 'source', in: 'path' }, example: 'shop' }),
});

const definitionSchema = z.record(z.string(), z.unknown());

export const newSourceSchema = definitionSchema.openapi('SourceDefinition', {
  description: 'As in the configuration file, without its name; secrets as `{ "env": "NAME" }`.',
  example: { kind: 'jsonl', path: 'orders.jsonl' },
});

const sourceSchema = z
  .object({
    name: z.string(),
    kind: z.string().openapi({ example: 'sql' }),
    definition: definitionSchema
      .optional()
      .openapi({ description: 'Absent for a source that a program has made.' }),
    documentCount: countSchema,
    readUntil: timeSchema.optional().openapi({ description: 'Everything that changed until then was read.' }),
    isUndeclared: z.boolean().openapi({
      description:
        'It is stored, and read, but is not (or not any more) among the sources that the configuration declares for the dataset.',
    }),
  })
  .openapi('Source');

export const sourceListSchema = z.object({ items: z.array(sourceSchema) }).openapi('SourceList');

export function sourceListOf(sources: readonly SourceStatus[]): z.infer<typeof sourceListSchema> {
  return {
    items: sources.map(({ name, kind, definition, documentCount, readUntilMs, isUndeclared }) => ({
      name,
      kind,
      ...(definition && { definition: { ...definition } }),
      documentCount,
      ...(readUntilMs !== undefined && { readUntil: isoTime(readUntilMs) }),
      isUndeclared,
    })),
  };
}

const runSchema = z.enum(['full', 'index']).openapi('ScheduledRun');

export const scheduleParams = datasetParams.extend({
  run: runSchema.openapi({ param: { name: 'run', in: 'path' } }),
});

export const newScheduleSchema = z
  .union(
    [
      z.strictObject({
        cron: z.string().min(1).max(200).openapi({ example: '0 3 * * 0' }),
        timeZone: z.string().min(1).max(64).optional().openapi({ example: 'Europe/Berlin' }),
      }),
      z.strictObject({ setting: z.enum(['off', 'default']) }),
    ],
    {
      error:
        'Give {"cron":"0 3 * * 0"}, with a "timeZone" such as "Europe/Berlin" if it is not UTC, or {"setting":"off"}, or {"setting":"default"}',
    },
  )
  .openapi('NewSchedule');

const scheduleSchema = z
  .object({
    run: runSchema,
    isOn: z.boolean().openapi({ description: 'Never before the dataset has a source.' }),
    isDefault: z.boolean(),
    cron: z.string().optional(),
    timeZone: z.string().optional(),
    nextRun: timeSchema
      .optional()
      .openapi({ description: 'A time that has passed was missed, and is made up for.' }),
    lastRun: timeSchema.optional(),
    lastError: z.string().optional().openapi({ description: 'The code of why the last run failed.' }),
    failureCount: countSchema.openapi({ description: 'Failures in a row since it was due by its times.' }),
    retryAt: timeSchema
      .optional()
      .openapi({ description: 'When it is tried again, unless `nextRun` is before.' }),
  })
  .openapi('Schedule');

export const scheduleListSchema = z.object({ items: z.array(scheduleSchema) }).openapi('ScheduleList');

export function scheduleListOf(schedules: readonly ScheduleStatus[]): z.infer<typeof scheduleListSchema> {
  return {
    items: schedules.map(scheduleOf),
  };
}

function scheduleOf({
  cron,
  timeZone,
  nextRunAtMs,
  lastRunAtMs,
  lastError,
  retryAtMs,
  ...schedule
}: ScheduleStatus): z.infer<typeof scheduleSchema> {
  return {
    ...schedule,
    ...(cron !== undefined && { cron }),
    ...(timeZone !== undefined && { timeZone }),
    ...(nextRunAtMs !== undefined && { nextRun: isoTime(nextRunAtMs) }),
    ...(lastRunAtMs !== undefined && { lastRun: isoTime(lastRunAtMs) }),
    // What stands behind the code may concern this host alone.
    ...(lastError !== undefined && { lastError: lastError.slice(0, lastError.indexOf(':')) }),
    ...(retryAtMs !== undefined && { retryAt: isoTime(retryAtMs) }),
  };
}

export const refusedChangePageSchema = pageOf(
  z
    .object({
      table: z.string(),
      id: keySchema.openapi({ example: 17 }),
      refusedAt: timeSchema,
    })
    .openapi('RefusedChange'),
  'RefusedChangePage',
);

export const droppedChangesSchema = z.object({ droppedCount: countSchema }).openapi('DroppedChanges');

export function refusedChangeOf({ table, id, refusedAtMs }: RefusedChange) {
  return { table, id: typeof id === 'object' ? [...id] : id, refusedAt: isoTime(refusedAtMs) };
}
