import { z } from '@hono/zod-openapi';
import type { BackfillPlan } from '../../runtime/backfill.ts';
import type { CostEntry } from '../../runtime/costs.ts';
import type { SpendStatus } from '../../runtime/spend-status.ts';
import { defined } from '../defined.ts';
import { countSchema, isoTime, timeSchema } from './common.ts';

const GROUPINGS = ['day', 'dataset', 'profile', 'mode'] as const;
const daySchema = z
  .string()
  .regex(/^\d{4}-\d{2}-\d{2}$/)
  .openapi({ example: '2026-11-26' });
const usdSchema = z.number().min(0);

export const costsQuery = z.object({
  by: z
    .string()
    .regex(/^(?:day|dataset|profile|mode)(?:,(?:day|dataset|profile|mode)){0,3}$/)
    .default('day')
    .transform((text) => text.split(',') as (typeof GROUPINGS)[number][])
    .openapi({
      type: 'string',
      description:
        'What the costs are put together by: `day`, `dataset`, `profile`, `mode`, or several with commas.',
    }),
  since: daySchema.optional().openapi({ description: 'The first day (UTC).' }),
  until: daySchema.optional().openapi({ description: 'The last day (UTC).' }),
  dataset: z.string().max(129).optional().openapi({ description: 'Only of this one: `project/dataset`.' }),
  limit: z.coerce.number().int().min(1).max(10_000).default(1_000).openapi({ type: 'integer' }),
});

export const costsSchema = z
  .object({
    items: z.array(
      z.object({
        day: daySchema.optional(),
        dataset: z.string().optional().openapi({ description: 'Also of one that is gone.' }),
        profile: z.string().optional(),
        mode: z.enum(['direct', 'batch', 'query']).optional(),
        requestCount: countSchema,
        textCount: countSchema,
        tokenCount: countSchema,
        estimatedTokenCount: countSchema.openapi({
          description: 'Of these, those that our tokenizer counted because the provider did not say.',
        }),
        unpricedTokenCount: countSchema.openapi({ description: 'Of these, those whose price is not known.' }),
        costUsd: usdSchema.optional().openapi({ description: 'Absent where no price is known.' }),
        durationMs: countSchema.openapi({ description: 'Of all requests together.' }),
        reusedTextCount: countSchema.openapi({
          description: 'Chunks that needed no request, because their text had a vector.',
        }),
        reusedTokenCount: countSchema,
        unpricedReusedTokenCount: countSchema,
        savedUsd: usdSchema.optional(),
      }),
    ),
  })
  .openapi('Costs');

export function costsOf(entries: readonly CostEntry[]): z.infer<typeof costsSchema> {
  return { items: entries.map((entry) => defined(entry)) };
}

export const capsSchema = z
  .strictObject({ usdPerDayMax: usdSchema.optional(), usdPerRunMax: usdSchema.optional() })
  .openapi('SpendCaps');

export const spendSchema = z
  .object({
    usdPerDayMax: usdSchema.optional().openapi({ description: 'Absent without a cap.' }),
    usdPerRunMax: usdSchema.optional(),
    day: daySchema,
    spentTodayUsd: usdSchema,
    held: z
      .array(
        z.object({
          address: z.string(),
          cap: z.enum(['day', 'run']),
          usdMax: usdSchema,
          spentUsd: usdSchema.openapi({
            description: 'What counted against the cap then, with what was under way.',
          }),
          reachedAt: timeSchema,
          until: timeSchema.optional().openapi({ description: 'Absent where somebody has to resume it.' }),
        }),
      )
      .openapi({
        description:
          'Datasets that wait because a cap was reached: here, or with another process that works or has worked on the catalog.',
      }),
  })
  .openapi('Spend');

export function spendOf({ held, ...spend }: SpendStatus): z.infer<typeof spendSchema> {
  return {
    ...defined(spend),
    held: held.map(({ reachedAtMs, untilMs, ...dataset }) => ({
      ...dataset,
      reachedAt: isoTime(reachedAtMs),
      ...(untilMs !== undefined && { until: isoTime(untilMs) }),
    })),
  };
}

const fillSchema = z.strictObject({
  batchSize: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .openapi({ description: 'Texts of one request.' }),
  limit: z.number().int().min(1).max(1_000_000_000).optional().openapi({ description: 'Texts in all.' }),
  retryFailed: z.boolean().optional().openapi({ description: 'Also those that were given up.' }),
});

export const backfillPlanRequestSchema = fillSchema.openapi('BackfillPlanRequest');

export const backfillSchema = fillSchema
  .extend({ usdMax: usdSchema.optional().openapi({ description: 'What it may cost.' }) })
  .openapi('Backfill');

export const backfillPlanSchema = z
  .object({
    address: z.string(),
    profile: z.string(),
    reason: z.string().openapi({ description: 'Why that provider.' }),
    chunkCount: countSchema,
    uncutDocumentCount: countSchema.openapi({ description: 'Documents whose texts are not known yet.' }),
    textCount: countSchema,
    tokenCount: countSchema,
    requestCount: countSchema,
    totalUsd: usdSchema.optional().openapi({ description: 'Absent where the price is not known.' }),
    usdPerMillionTokens: usdSchema.optional(),
    estimatedMs: countSchema.optional().openapi({
      description: 'At the rate of the last seven days; absent when nothing was embedded in them.',
    }),
  })
  .openapi('BackfillPlan');

export function backfillPlanOf({
  price,
  estimatedMs,
  ...plan
}: BackfillPlan): z.infer<typeof backfillPlanSchema> {
  return {
    ...plan,
    ...(price && { totalUsd: price.totalUsd, usdPerMillionTokens: price.usdPerMillionTokens }),
    ...(estimatedMs !== undefined && { estimatedMs }),
  };
}
