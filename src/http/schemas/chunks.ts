import { z } from '@hono/zod-openapi';
import type { ChunkView } from '../../runtime/read-chunks.ts';
import { countSchema, pageOf } from './common.ts';

export const chunkSchema = z
  .object({
    chunkId: countSchema,
    ordinal: countSchema.openapi({ description: 'Its place in the document, from 0.' }),
    start: countSchema,
    end: countSchema.openapi({ description: '`content.slice(start, end)` of the document is its own text.' }),
    tokenCount: countSchema.openapi({ description: 'Of the whole text that is embedded.' }),
    text: z.string().openapi({
      description: 'The text that is embedded: title and headings above it, a blank line, its own text.',
    }),
    status: z
      .enum(['pending', 'ready', 'failed'])
      .openapi({ description: 'Whether it has a vector, waits for one, or was given up.' }),
    embeddedTokenCount: countSchema.optional().openapi({
      description:
        'Its text is longer than its model takes: the tokens, from its beginning, that its vector was made of.',
    }),
    isIndexed: z.boolean().openapi({ description: 'Its row is in the table that is searched.' }),
    attemptCount: countSchema.openapi({ description: 'Attempts that its provider refused.' }),
    lastError: z.string().optional(),
  })
  .openapi('Chunk');

export const chunkPageSchema = pageOf(chunkSchema, 'ChunkPage');

export function chunkOf({ lastError, embeddedTokenCount, ...chunk }: ChunkView): z.infer<typeof chunkSchema> {
  return {
    ...chunk,
    ...(lastError !== undefined && { lastError }),
    ...(embeddedTokenCount !== undefined && { embeddedTokenCount }),
  };
}
