import { z } from '@hono/zod-openapi';
import type { FailedChunk } from '../../runtime/dataset.ts';
import { countSchema, pageOf } from './common.ts';

export const failedChunkSchema = z
  .object({
    chunkId: countSchema,
    source: z.string(),
    key: z.string(),
    ordinal: countSchema.openapi({ description: 'Its place among the chunks of the document.' }),
    attemptCount: countSchema,
    lastError: z.string().openapi({ description: 'What the provider said.' }),
  })
  .openapi('FailedChunk');

export const failedChunkPageSchema = pageOf(failedChunkSchema, 'FailedChunkPage');

export function failedChunkOf({ key, ...chunk }: FailedChunk): z.infer<typeof failedChunkSchema> {
  return { ...chunk, source: key.source, key: key.key };
}
