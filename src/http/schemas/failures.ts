import { z } from '@hono/zod-openapi';
import type { FailedChunk, FailureFilter } from '../../runtime/dataset.ts';
import { defined } from '../defined.ts';
import { countSchema, pageOf } from './common.ts';

export const failedChunkSchema = z
  .object({
    chunkId: countSchema,
    source: z.string(),
    key: z.string(),
    ordinal: countSchema.openapi({ description: 'Its place among the chunks of the document.' }),
    attemptCount: countSchema,
    code: z.string().optional().openapi({ example: 'EMBEDDING_REQUEST_REFUSED' }),
    lastError: z.string().openapi({ description: 'What the provider said.' }),
  })
  .openapi('FailedChunk');

const CHUNK_IDS_MAX = 1_000;

/** Which failed chunks are meant; all of them without any. */
export const failureFilterQuery = z.object({
  code: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .openapi({ description: 'Of the last error.', example: 'EMBEDDING_REQUEST_REFUSED' }),
  source: z.string().min(1).max(256).optional(),
  key: z.string().min(1).max(2_048).optional().openapi({ description: 'Of the document.' }),
  error: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .openapi({ description: 'A part of the last error, whatever the case.' }),
  attemptsMin: z.coerce.number().int().min(1).optional(),
  chunkIds: z
    .string()
    .regex(/^\d{1,15}(,\d{1,15})*$/, 'Numbers with commas between them.')
    .refine((ids) => ids.split(',').length <= CHUNK_IDS_MAX, `At most ${CHUNK_IDS_MAX} ids.`)
    .optional()
    .openapi({ description: `Up to ${CHUNK_IDS_MAX} ids, with commas between them.`, example: '12,15' }),
});

export function failureFilterOf({ chunkIds, ...filter }: z.infer<typeof failureFilterQuery>): FailureFilter {
  const ids = chunkIds?.split(',').map(Number);
  return defined({ ...filter, chunkIds: ids });
}

export const failedChunkPageSchema = pageOf(failedChunkSchema, 'FailedChunkPage');

export function failedChunkOf({ key, ...chunk }: FailedChunk): z.infer<typeof failedChunkSchema> {
  return { ...chunk, source: key.source, key: key.key };
}
