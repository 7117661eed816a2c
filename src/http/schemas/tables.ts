import { z } from '@hono/zod-openapi';
import { SYNC_KINDS } from '../../domain/sync-report.ts';
import type { LoggedCheck } from '../../runtime/check-log.ts';
import type { ReconfigurePlan } from '../../runtime/reconfigure.ts';
import { countSchema, isoTime, timeSchema } from './common.ts';

const levelSchema = z.enum(['quick', 'rows', 'deep']).openapi('CheckLevel');
const proposalSchema = z.enum(['none', 'putBack', 'repair', 'rebuild']).openapi('CheckProposal');

export const checkSchema = z
  .strictObject({
    level: levelSchema.default('quick').openapi({
      description:
        '`quick`: the table opens and is that of the last mark; `rows`: also every row, about 1 s per million; `deep`: also every vector, as a task.',
    }),
  })
  .openapi('Check');

export const repairSchema = z
  .strictObject({ level: levelSchema.exclude(['quick']).default('rows') })
  .openapi('Repair');

const findingSchema = z
  .object({ count: countSchema, firstChunkIds: z.array(countSchema).readonly() })
  .openapi('CheckFinding');

const findingsShape = Object.fromEntries(SYNC_KINDS.map((kind) => [kind, findingSchema])) as Record<
  (typeof SYNC_KINDS)[number],
  typeof findingSchema
>;

export const checkReportSchema = z
  .object({
    address: z.string().openapi({ example: 'docs/website' }),
    level: levelSchema,
    checkedAt: timeSchema,
    durationMs: z.number().min(0),
    inSync: z.boolean(),
    table: z.object({ name: z.string(), version: countSchema }).optional(),
    catalogRowCount: countSchema,
    tableRowCount: countSchema,
    ...findingsShape,
    proposal: proposalSchema.openapi({ description: 'What would put it right.' }),
    repaired: proposalSchema.openapi({ description: 'What was done about it.' }),
    reason: z.string().optional(),
  })
  .openapi('CheckReport');

export function checkReportOf({ atMs, ...report }: LoggedCheck): z.infer<typeof checkReportSchema> {
  return { ...report, checkedAt: isoTime(atMs) };
}

export const rollbackSchema = z
  .strictObject({
    table: z
      .string()
      .min(1)
      .max(255)
      .optional()
      .openapi({ description: 'One of `earlierTables` of the status. Default: the newest.' }),
  })
  .openapi('Rollback');

const namedEmbedderSchema = z.strictObject({
  provider: z.string().min(1).max(255),
  model: z.string().min(1).max(255),
  dimensions: z.number().int().min(1).max(8_192),
});

export const reconfigureSchema = z
  .strictObject({
    embedder: z
      .union([z.enum(['runtime', 'dataset']), namedEmbedderSchema])
      .optional()
      .openapi({ description: '`runtime` (default), `dataset` (the model stays), or one by name.' }),
    tokensPerChunkMax: z.number().int().min(32).max(8_191).optional(),
  })
  .openapi('Reconfigure');

const configurationSchema = z.object({ profile: z.string(), tokensPerChunkMax: z.number().int() });

export const planSchema = z
  .object({
    address: z.string(),
    from: configurationSchema,
    to: configurationSchema,
    documentCount: countSchema,
    chunkCount: countSchema,
    textCount: countSchema,
    knownTextCount: countSchema.openapi({ description: 'Texts that have a vector already.' }),
    textsToEmbedCount: countSchema,
    tokensToEmbedCount: countSchema,
    totalUsd: z.number().min(0).optional().openapi({ description: 'Absent where the price is not known.' }),
    durationMs: z.number().min(0),
  })
  .openapi('ReconfigurePlan');

export function planOf({ price, ...plan }: ReconfigurePlan): z.infer<typeof planSchema> {
  return { ...plan, ...(price && { totalUsd: price.totalUsd }) };
}

export const cancelledSchema = z
  .object({ cancelled: z.boolean().openapi({ description: 'Whether there was one to cancel.' }) })
  .openapi('Cancelled');
