import { z } from '@hono/zod-openapi';
import { PAGE_LIMIT_DEFAULT, PAGE_LIMIT_MAX } from '../../runtime/page.ts';

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/;

/** A project's or dataset's name, by the rules of `domain/address.ts`. */
export const nameSchema = z
  .string()
  .min(1)
  .max(64)
  .regex(NAME, 'letters, digits, ".", "_" and "-", with a letter or digit at both ends')
  .openapi({ example: 'website' });

export const projectParams = z.object({
  project: nameSchema.openapi({ param: { name: 'project', in: 'path' }, example: 'docs' }),
});

export const datasetParams = projectParams.extend({
  dataset: nameSchema.openapi({ param: { name: 'dataset', in: 'path' } }),
});

/** Which part of a list is wanted. */
export const pageQuery = z.object({
  after: z
    .string()
    .max(64)
    .regex(/^\d{1,15}$/, 'the `next` of the page before')
    .optional()
    .openapi({ description: 'The `next` of the page before.' }),
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(PAGE_LIMIT_MAX)
    .default(PAGE_LIMIT_DEFAULT)
    .openapi({ type: 'integer', description: 'Items wanted.' }),
});

/** A page of a list. */
export function pageOf<Item extends z.ZodType>(item: Item, name: string) {
  return z
    .object({
      items: z.array(item),
      next: z
        .string()
        .optional()
        .openapi({ description: 'Gives the next page as `after`; absent on the last.' }),
    })
    .openapi(name);
}

export const timeSchema = z.iso.datetime().openapi({ example: '2026-11-26T01:02:03.456Z' });

export const countSchema = z.number().int().min(0);

/** A time of the library, as the API tells it. */
export function isoTime(unixMs: number): string {
  return new Date(unixMs).toISOString();
}

const failure = z.object({
  code: z.string().openapi({ description: 'Stable; programs match on it.', example: 'PROVIDER_AUTH' }),
  detail: z.string(),
});

/** What went wrong, without anything that concerns this host alone. */
export const failureSchema = failure.openapi('Failure');

/** A failure with what else is told of it. Not an extension of `Failure` by name, since "allOf" allows either nothing more. */
export function failureWith<Shape extends z.ZodRawShape>(more: Shape) {
  return failure.extend(more);
}
