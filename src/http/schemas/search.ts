import { z } from '@hono/zod-openapi';
import type { Metadata } from '../../domain/metadata.ts';
import type { SearchResult } from '../../runtime/search.ts';
import { countSchema } from './common.ts';
import { filterSchema } from './documents.ts';

export const searchSchema = z
  .strictObject({
    query: z.string().min(1).max(10_000).openapi({ example: 'how do I install it?' }),
    mode: z
      .enum(['hybrid', 'vector', 'text'])
      .optional()
      .openapi({ description: 'By meaning and words (default), by meaning, or by words.' }),
    limit: z.number().int().min(1).max(1_000).optional().openapi({ description: 'Default 10.' }),
    exact: z
      .boolean()
      .optional()
      .openapi({ description: 'Compare with every vector instead of asking the vector index.' }),
    filter: filterSchema.optional(),
  })
  .openapi('Search');

export const searchAnswerSchema = z
  .object({
    results: z.array(
      z
        .object({
          dataset: z.string().openapi({ example: 'docs/website' }),
          source: z.string(),
          key: z.string(),
          title: z.string(),
          context: z.string().openapi({ description: 'Title and headings above the passage.' }),
          text: z
            .string()
            .openapi({ description: 'The passage: `content.slice(start, end)` of the document.' }),
          start: countSchema,
          end: countSchema,
          metadata: z.custom<Metadata>().openapi({ type: 'object', additionalProperties: true }),
          chunkId: countSchema,
          score: z.number().openapi({ description: 'Higher is better; comparable within one answer.' }),
          vectorScore: z
            .number()
            .optional()
            .openapi({ description: 'Cosine similarity, where it was found by it.' }),
          textScore: z.number().optional().openapi({ description: 'BM25, where it was found by it.' }),
        })
        .openapi('SearchResult'),
    ),
  })
  .openapi('SearchAnswer');

export function searchAnswerOf(results: readonly SearchResult[]): z.infer<typeof searchAnswerSchema> {
  return { results: results.map((result) => ({ ...result })) };
}
