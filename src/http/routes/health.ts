import { createRoute, z } from '@hono/zod-openapi';
import type { HttpParts } from '../environment.ts';
import { createRouter } from '../router.ts';

const tags = ['Health'];

const readHealth = createRoute({
  method: 'get',
  path: '/health',
  operationId: 'readHealth',
  tags,
  summary: 'Answers as long as the process does',
  description: 'For whoever restarts processes. Looks at nothing else; needs no key.',
  security: [],
  responses: {
    200: {
      description: 'It is alive',
      content: { 'application/json': { schema: z.object({ status: z.literal('ok') }).openapi('Health') } },
    },
  },
});

/** How that is on which everything stands. */
export const healthChecksSchema = z.array(
  z.object({
    subject: z.enum(['catalog', 'lease', 'provider', 'disk', 'spend', 'watching']),
    isOk: z.boolean(),
    code: z.string().optional().openapi({ example: 'PROVIDER_UNREACHABLE' }),
    detail: z.string(),
  }),
);

const readinessSchema = z.object({ isReady: z.boolean(), checks: healthChecksSchema }).openapi('Readiness');

const readiness = (description: string) => ({
  description,
  content: { 'application/json': { schema: readinessSchema } },
});

const readReadiness = createRoute({
  method: 'get',
  path: '/ready',
  operationId: 'readReadiness',
  tags,
  summary: 'Tells whether requests can be expected to work, and why not',
  description:
    'For whoever directs requests: catalog, lease, embedding provider and disk are looked at. Needs no key. ' +
    'That a spend cap was reached, or that watched sources are not kept up with, is told, too, and is no reason not to be ready.',
  security: [],
  responses: {
    200: readiness('Everything is in order'),
    503: readiness('Something is not; its check says what'),
  },
});

/** Answers to those who ask often, and anybody may, are kept for so long. */
const KEPT_MS = 1_000;

export function healthRoutes({ runtime }: HttpParts) {
  let kept: { readonly atMs: number; readonly health: ReturnType<typeof runtime.health> } | undefined;
  const health = () => {
    if (kept === undefined || performance.now() - kept.atMs > KEPT_MS)
      kept = { atMs: performance.now(), health: runtime.health() };
    return kept.health;
  };
  return createRouter()
    .openapi(readHealth, (context) => context.json({ status: 'ok' as const }, 200))
    .openapi(readReadiness, async (context) => {
      const { isReady, checks } = await health();
      context.header('Cache-Control', 'no-store');
      return context.json({ isReady, checks: [...checks] }, isReady ? 200 : 503);
    });
}
