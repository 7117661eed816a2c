import { z } from '@hono/zod-openapi';
import type { ProviderStatus } from '../../runtime/providers/provider-status.ts';
import { publicMessage } from '../problem-kinds.ts';
import { countSchema, isoTime, timeSchema } from './common.ts';

const providerModelSchema = z.object({
  model: z.string(),
  itemsPerRequestMax: countSchema,
  tokensPerRequestMax: countSchema,
  requestsPerMinute: countSchema.optional(),
  tokensPerMinute: countSchema.optional(),
});

export const providerSchema = z
  .object({
    id: z.string().openapi({ description: 'Of its actor.', example: 'provider:1' }),
    provider: z.string().openapi({ example: 'openai' }),
    state: z.enum(['available', 'throttled', 'unavailable', 'probing']).openapi({
      description:
        '`throttled`: it wants fewer requests, or failed in a way that may pass; `unavailable`: it fails and nothing is sent; `probing`: one request goes alone and decides.',
    }),
    failure: z
      .object({ code: z.string(), detail: z.string(), retryable: z.boolean() })
      .optional()
      .openapi({ description: 'Why it is not available, or was not until lately.' }),
    failedAt: timeSchema.optional(),
    waitUntil: timeSchema.optional().openapi({ description: 'Until when nothing is sent.' }),
    openCount: countSchema.openapi({ description: 'How often in a row it became unavailable.' }),
    inFlight: countSchema,
    inFlightMax: countSchema.openapi({ description: 'Requests that may be in flight now.' }),
    waitingDocumentRequests: countSchema,
    waitingQueries: countSchema,
    requestCount: countSchema.openapi({ description: 'Requests sent by this process.' }),
    lastAnswerAt: timeSchema.optional(),
    models: z
      .array(providerModelSchema)
      .openapi({ description: 'Its models with the limits that are kept to now.' }),
  })
  .openapi('Provider');

export const providersSchema = z.object({ items: z.array(providerSchema) }).openapi('Providers');

export function providerOf({
  failure,
  failedAtMs,
  waitUntilMs,
  lastAnswerAtMs,
  models,
  ...provider
}: ProviderStatus): z.infer<typeof providerSchema> {
  const timeOf = (ms: number | undefined) => (ms === undefined ? undefined : isoTime(ms));
  return {
    ...provider,
    failure: failure && {
      code: failure.code,
      detail: publicMessage(failure.code, failure.message),
      retryable: failure.retryable,
    },
    failedAt: timeOf(failedAtMs),
    waitUntil: timeOf(waitUntilMs),
    lastAnswerAt: timeOf(lastAnswerAtMs),
    models: models.map((model) => ({ ...model })),
  };
}
