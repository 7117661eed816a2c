import { createRoute } from '@hono/zod-openapi';
import type { HttpParts } from '../environment.ts';
import { createRouter } from '../router.ts';
import { problemResponses } from '../schemas/problem.ts';
import { providerOf, providersSchema } from '../schemas/providers.ts';

const listProviders = createRoute({
  method: 'get',
  path: '/providers',
  operationId: 'listProviders',
  tags: ['Runtime'],
  summary: 'Tells how the embedding providers stand',
  description:
    'One for each account: one server and one key. The actor of one that is `seenBy: here` takes `provider.retry`, which tries it again now. Those that another worker on the catalog asks are told as it has noted them.',
  responses: {
    200: { description: 'The providers', content: { 'application/json': { schema: providersSchema } } },
    ...problemResponses(),
  },
});

export function providerRoutes({ runtime }: HttpParts) {
  return createRouter().openapi(listProviders, async (context) =>
    context.json({ items: (await runtime.providers()).map(providerOf) }, 200),
  );
}
