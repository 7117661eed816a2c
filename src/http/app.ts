import type { OpenAPIHono } from '@hono/zod-openapi';
import { bodyLimit } from 'hono/body-limit';
import { createMiddleware } from 'hono/factory';
import { requestId } from 'hono/request-id';
import { basePath } from 'hono/route';
import type { Runtime } from '../runtime/create-runtime.ts';
import { answerUnknown } from './answer-unknown.ts';
import type { HttpEnv, HttpParts } from './environment.ts';
import { HttpError } from './http-error.ts';
import { idempotency } from './idempotency.ts';
import { createMetrics } from './metrics/create-metrics.ts';
import { describeApi } from './openapi.ts';
import { type HttpOptions, resolveHttpOptions } from './options.ts';
import { answerError, answerNotFound } from './problem.ts';
import { createRouter } from './router.ts';
import { actorRoutes } from './routes/actors.ts';
import { batchRoutes } from './routes/batches.ts';
import { costRoutes } from './routes/costs.ts';
import { serveDashboard } from './routes/dashboard.ts';
import { datasetRoutes } from './routes/datasets.ts';
import { serveDocs } from './routes/docs.ts';
import { documentRoutes } from './routes/documents.ts';
import { eventRoutes } from './routes/events.ts';
import { failureRoutes } from './routes/failures.ts';
import { healthRoutes } from './routes/health.ts';
import { inspectRoutes } from './routes/inspect.ts';
import { mcpRoutes } from './routes/mcp.ts';
import { metricRoutes } from './routes/metrics.ts';
import { providerRoutes } from './routes/providers.ts';
import { runtimeRoutes } from './routes/runtime.ts';
import { searchRoutes } from './routes/search.ts';
import { sourceRoutes } from './routes/sources.ts';
import { tableRoutes } from './routes/tables.ts';
import { taskRoutes } from './routes/tasks.ts';
import { createGuards } from './security/guards.ts';
import { isLineStream } from './take-in.ts';

export type { HttpOptions } from './options.ts';

/** The REST API: `fetch` it, or mount it in another Hono app under any path. */
export type HttpApp = OpenAPIHono<HttpEnv>;

/** The routes with their types, from which those of the client follow. */
export type ApiRoutes = ReturnType<typeof apiRoutes>;

/**
 * The REST API over a runtime.
 *
 * @throws SynclineError `INVALID_OPTION`.
 */
export function createHttpApp(runtime: Runtime, httpOptions: HttpOptions = {}): HttpApp {
  const options = resolveHttpOptions(httpOptions);
  const metrics = createMetrics(runtime);
  const app = createRouter();
  app.use(requestId(), rememberPrefix, metrics.middleware);
  for (const guard of createGuards(options)) app.use(guard);
  app.use(limitBody(options.bodyBytesMax));
  app.use('/v1/*', idempotency());
  app.route('/', apiRoutes({ runtime, options }));
  app.route('/', metricRoutes(metrics));
  app.route('/', mcpRoutes({ runtime, options }));
  app.route('/v1', inspectRoutes({ runtime, options }));
  describeApi(app);
  serveDocs(app);
  serveDashboard(app, options.apiKeys.length + options.readKeys.length > 0);
  // Where the app is mounted, what it does not know is answered by it all the same.
  app.all('/v1/*', answerUnknown(app));
  app.notFound(answerNotFound);
  app.onError(answerError);
  return app;
}

function apiRoutes(parts: HttpParts) {
  return createRouter()
    .route('/v1', datasetRoutes(parts))
    .route('/v1', actorRoutes(parts))
    .route('/v1', eventRoutes(parts))
    .route('/v1', documentRoutes(parts))
    .route('/v1', searchRoutes(parts))
    .route('/v1', failureRoutes(parts))
    .route('/v1', batchRoutes(parts))
    .route('/v1', sourceRoutes(parts))
    .route('/v1', tableRoutes(parts))
    .route('/v1', costRoutes(parts))
    .route('/v1', taskRoutes(parts))
    .route('/v1', runtimeRoutes(parts))
    .route('/v1', providerRoutes(parts))
    .route('/', healthRoutes(parts));
}

const rememberPrefix = createMiddleware<HttpEnv>(async (context, next) => {
  context.set('prefix', basePath(context).replace(/\/$/, ''));
  await next();
});

function limitBody(bytesMax: number) {
  const limit = bodyLimit({
    maxSize: bytesMax,
    onError: () => {
      throw new HttpError('PAYLOAD_TOO_LARGE', `The body is larger than ${bytesMax} bytes.`);
    },
  });
  // Streams have their own limit, and are not to be held in memory.
  return createMiddleware<HttpEnv>((context, next) =>
    isLineStream(context) ? next() : limit(context, next),
  );
}
