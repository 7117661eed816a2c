import { createRoute, z } from '@hono/zod-openapi';
import type { Metrics } from '../metrics/create-metrics.ts';
import { createRouter } from '../router.ts';
import { problemResponses } from '../schemas/problem.ts';

const readMetrics = createRoute({
  method: 'get',
  path: '/metrics',
  operationId: 'readMetrics',
  tags: ['Health'],
  summary: 'Gives the metrics, in the text format of Prometheus',
  responses: {
    200: {
      description: 'The metrics',
      content: {
        'text/plain': {
          schema: z.string(),
          example:
            '# HELP syncline_datasets Datasets in the catalog.\n# TYPE syncline_datasets gauge\nsyncline_datasets 3\n',
        },
      },
    },
    ...problemResponses(),
  },
});

export function metricRoutes(metrics: Metrics) {
  return createRouter().openapi(readMetrics, async (context) =>
    context.text(await metrics.render(), 200, {
      'Content-Type': metrics.contentType,
      'Cache-Control': 'no-store',
    }),
  );
}
