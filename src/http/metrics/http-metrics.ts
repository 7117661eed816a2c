import type { MiddlewareHandler } from 'hono';
import { createMiddleware } from 'hono/factory';
import { matchedRoutes } from 'hono/route';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { HttpEnv } from '../environment.ts';

const METHODS: readonly string[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];
const BUCKETS_S = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
/** What is asked for at addresses that there are not. */
const NO_ROUTE = 'none';

/** Counts requests by the pattern of their route, never by their address. */
export function createHttpMetrics(registry: Registry): MiddlewareHandler<HttpEnv> {
  const registers = [registry];
  const requests = new Counter({
    name: 'syncline_http_requests_total',
    help: 'Answered requests.',
    labelNames: ['method', 'route', 'status'] as const,
    registers,
  });
  const seconds = new Histogram({
    name: 'syncline_http_request_seconds',
    help: 'Time until the answer began.',
    labelNames: ['method', 'route'] as const,
    buckets: BUCKETS_S,
    registers,
  });
  const inFlight = new Gauge({
    name: 'syncline_http_requests_in_flight',
    help: 'Requests whose answer has not begun.',
    registers,
  });
  return createMiddleware<HttpEnv>(async (context, next) => {
    const startMs = performance.now();
    inFlight.inc();
    try {
      await next();
    } finally {
      inFlight.dec();
      const method = METHODS.includes(context.req.method) ? context.req.method : 'other';
      const route = routeOf(context);
      requests.inc({ method, route, status: String(context.res.status) });
      seconds.observe({ method, route }, (performance.now() - startMs) / 1_000);
    }
  });
}

/** The pattern of the handler, without that of middleware and without the prefix under which the app is mounted. */
function routeOf(context: Parameters<MiddlewareHandler<HttpEnv>>[0]): string {
  const prefix = context.get('prefix') ?? '';
  const paths = matchedRoutes(context).map(({ path }) => path);
  const last = paths.findLast((path) => !path.endsWith('/*') && path !== '*');
  if (last === undefined) return NO_ROUTE;
  return last.startsWith(prefix) ? last.slice(prefix.length) || '/' : last;
}
