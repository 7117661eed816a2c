import { z } from '@hono/zod-openapi';
import type { Filter } from '../../domain/filter.ts';
import type { Metadata } from '../../domain/metadata.ts';
import type { DocumentSummary, StoredDocument } from '../../runtime/read-documents.ts';
import { countSchema, isoTime, pageOf, timeSchema } from './common.ts';

/** Documents of one JSON body; streams take any number. */
const DOCUMENTS_MAX = 1_000;
/** Keys of one request. */
const KEYS_MAX = 10_000;

/** Checked by the library, which knows the limits. */
const metadataSchema = z
  .record(z.string(), z.unknown())
  .transform((metadata) => metadata as Metadata)
  .openapi({ type: 'object', additionalProperties: true, example: { language: 'en' } });

const metadataAnswerSchema = z.custom<Metadata>().openapi({ type: 'object', additionalProperties: true });

const keySchema = z.string().min(1).max(1_024).openapi({ example: 'guides/install.md' });
export const sourceSchema = z.string().min(1).max(255).openapi({ example: 'default' });

export const documentSchema = z
  .strictObject({
    key: keySchema,
    source: sourceSchema.optional(),
    title: z.string().max(4_096).optional(),
    content: z.string().openapi({ example: '# Install\n\nRun the installer.' }),
    format: z.enum(['markdown', 'text']).optional().openapi({ description: 'Default `markdown`.' }),
    metadata: metadataSchema.optional(),
  })
  .openapi('NewDocument');

export const documentsBodySchema = z
  .strictObject({ documents: z.array(documentSchema).min(1).max(DOCUMENTS_MAX) })
  .openapi('NewDocuments');

const summaryShape = {
  source: z.string(),
  key: z.string(),
  title: z.string(),
  format: z.enum(['markdown', 'text']),
  contentLength: countSchema.openapi({ description: 'UTF-16 units.' }),
  metadata: metadataAnswerSchema,
  revision: z.number().int().min(1).openapi({ description: '+1 with every change.' }),
  changedAt: timeSchema,
};

export const documentSummarySchema = z.object(summaryShape).openapi('DocumentSummary');

export const documentPageSchema = pageOf(documentSummarySchema, 'DocumentPage');

export const storedDocumentSchema = z.object({ ...summaryShape, content: z.string() }).openapi('Document');

export function documentSummaryOf({ changedAtMs, ...summary }: DocumentSummary) {
  return { ...summary, changedAt: isoTime(changedAtMs) };
}

export function storedDocumentOf({ changedAtMs, ...document }: StoredDocument) {
  return { ...document, changedAt: isoTime(changedAtMs) };
}

export const ingestResultSchema = z
  .object({
    readCount: countSchema.openapi({ description: 'Documents seen; the next four add up to it.' }),
    addedCount: countSchema,
    changedCount: countSchema,
    unchangedCount: countSchema,
    refusedCount: countSchema,
    refused: z
      .array(z.object({ key: z.string(), code: z.string(), detail: z.string() }))
      .openapi({ description: 'The first 100 that were not taken in, and why.' }),
    isSearchable: z
      .boolean()
      .openapi({ description: 'Whether all of it was searchable when this was answered; ask with `wait`.' }),
    taskId: z.number().int().min(1),
  })
  .openapi('IngestResult');

/** Checked by the library, against the fields of the dataset. */
export const filterSchema = z
  .custom<Filter>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'an object with an "op"',
  )
  .openapi({
    type: 'object',
    allOf: [{ $ref: '#/components/schemas/Filter' }],
    example: { op: 'eq', field: 'language', value: 'en' },
  });

export const deletionSchema = z
  .union([
    z.strictObject({
      keys: z
        .array(z.union([keySchema, z.strictObject({ key: keySchema, source: sourceSchema.optional() })]))
        .min(1)
        .max(KEYS_MAX),
    }),
    z.strictObject({ filter: filterSchema }),
  ])
  .openapi('Deletion');
