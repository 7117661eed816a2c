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
    id: z.string().openapi({
      description: 'Where it is seen here, of its actor.',
      example: 'provider:1',
    }),
    provider: z.string().openapi({ example: 'openai' }),
    state: z.enum(['available', 'throttled', 'unavailable', 'probing']).openapi({
      description:
        '`throttled`: it wants fewer requests, or failed in a way that may pass; `unavailable`: it fails and nothing is sent; `probing`: one request goes alone and decides.',
    }),
    since: timeSchema.openapi({ description: 'Since when it is in that state.' }),
    seenBy: z.enum(['here', 'worker', 'formerWorker']).openapi({
      description:
        '`here`: this process, which sends it requests; `worker`: another one, which works on the catalog now; `formerWorker`: one that works no more, so that this is how it stood at `seenAt`.',
    }),
    seenAt: timeSchema,
    failure: z
      .object({ code: z.string(), detail: z.string(), retryable: z.boolean() })
      .optional()
      .openapi({ description: 'Why it is not available, or was not until lately.' }),
    failedAt: timeSchema.optional(),
    waitUntil: timeSchema.optional().openapi({ description: 'Until when nothing is sent.' }),
    openCount: countSchema.openapi({ description: 'How often in a row it became unavailable.' }),
    inFlight: countSchema
      .optional()
      .openapi({ description: 'This and what follows: where it is seen here.' }),
    inFlightMax: countSchema.optional().openapi({ description: 'Requests that may be in flight now.' }),
    waitingDocumentRequests: countSchema.optional(),
    waitingQueries: countSchema.optional(),
    requestCount: countSchema.optional().openapi({ description: 'Requests sent by this process.' }),
    lastAnswerAt: timeSchema.optional(),
    models: z
      .array(providerModelSchema)
      .optional()
      .openapi({ description: 'Its models with the limits that are kept to now.' }),
  })
  .openapi('Provider');

export const providersSchema = z.object({ items: z.array(providerSchema) }).openapi('Providers');

export function providerOf({
  failure,
  sinceMs,
  seenAtMs,
  failedAtMs,
  waitUntilMs,
  lastAnswerAtMs,
  models,
  ...provider
}: ProviderStatus): z.infer<typeof providerSchema> {
  const timeOf = (ms: number | undefined) => (ms === undefined ? undefined : isoTime(ms));
  return {
    ...provider,
    since: isoTime(sinceMs),
    seenAt: isoTime(seenAtMs),
    failure: failure && {
      code: failure.code,
      detail: publicMessage(failure.code, failure.message),
      retryable: failure.retryable,
    },
    failedAt: timeOf(failedAtMs),
    waitUntil: timeOf(waitUntilMs),
    lastAnswerAt: timeOf(lastAnswerAtMs),
    models: models?.map((model) => ({ ...model })),
  };
}
