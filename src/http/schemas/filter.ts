import type { OpenAPIHono } from '@hono/zod-openapi';

type Type = 'string' | 'number' | 'boolean' | 'null';

const field = {
  type: 'string' as const,
  description: 'A declared field of the dataset, or `source`, `key`, `title`.',
};
const ofTypes = (...type: Type[]) => ({ type });
const filter = { $ref: '#/components/schemas/Filter' };

function comparison<Value extends Readonly<Record<string, object>>>(ops: string[], value: Value) {
  return {
    type: 'object' as const,
    required: ['op', 'field', ...Object.keys(value)],
    properties: { op: { type: 'string' as const, enum: ops }, field, ...value },
  };
}

/** Describes filters for the OpenAPI document: they hold filters, and are checked by the library against the dataset's fields. */
export function registerFilter(registry: OpenAPIHono['openAPIRegistry']): void {
  registry.registerComponent('schemas', 'Filter', {
    description: 'A structured filter. A document without the field matches no comparison but `ne`.',
    oneOf: [
      comparison(['eq', 'ne'], { value: ofTypes('string', 'number', 'boolean', 'null') }),
      comparison(['lt', 'lte', 'gt', 'gte'], { value: ofTypes('string', 'number') }),
      comparison(['in'], {
        values: { type: 'array' as const, maxItems: 10_000, items: ofTypes('string', 'number', 'boolean') },
      }),
      comparison(['contains'], { value: ofTypes('string') }),
      {
        type: 'object',
        required: ['op', 'filters'],
        properties: {
          op: { type: 'string', enum: ['and', 'or'] },
          filters: { type: 'array', minItems: 1, items: filter },
        },
      },
      {
        type: 'object',
        required: ['op', 'filter'],
        properties: { op: { type: 'string', enum: ['not'] }, filter },
      },
    ],
  });
}
