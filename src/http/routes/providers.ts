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
  summary: 'Tells how the embedding providers stand that this process has sent requests to',
  description:
    'One for each account: one server and one key. Its actor takes `provider.retry`, which tries it again now.',
  responses: {
    200: { description: 'The providers', content: { 'application/json': { schema: providersSchema } } },
    ...problemResponses(),
  },
});

export function providerRoutes({ runtime }: HttpParts) {
  return createRouter().openapi(listProviders, (context) =>
    context.json({ items: runtime.providers().map(providerOf) }, 200),
  );
}
