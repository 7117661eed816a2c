import { cors } from 'hono/cors';
import { createMiddleware } from 'hono/factory';
import type { HttpEnv } from '../environment.ts';
import { HttpError } from '../http-error.ts';
import type { ResolvedHttpOptions } from '../options.ts';
import { authenticate } from './authenticate.ts';
import { checkHost } from './check-host.ts';
import { limitBodyTime } from './limit-body-time.ts';
import { secureHeaders } from './secure-headers.ts';

/** What stands before every route, in this order. Whoever gets past it has its `access`. */
export function createGuards(options: ResolvedHttpOptions) {
  const { corsOrigins } = options;
  return [
    secureHeaders,
    checkHost(options),
    // Asked by browsers before a request, without its key.
    ...(corsOrigins.length === 0 ? [] : [allowOrigins(corsOrigins)]),
    authenticate(options),
    limitBodyTime(options.bodyTimeoutMs),
  ];
}

const REQUEST_HEADERS = [
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'If-None-Match',
  'Last-Event-ID',
  'Mcp-Protocol-Version',
  'Mcp-Session-Id',
  'X-API-Key',
];
const ANSWER_HEADERS = ['ETag', 'Location', 'Mcp-Session-Id', 'Retry-After', 'X-Request-Id'];
const PREFLIGHT_KEPT_S = 600;

function allowOrigins(origins: readonly string[]) {
  return cors({
    origin: [...origins],
    allowHeaders: REQUEST_HEADERS,
    exposeHeaders: ANSWER_HEADERS,
    maxAge: PREFLIGHT_KEPT_S,
  });
}

/** Stands before each route that changes something. */
export const requireWrite = createMiddleware<HttpEnv>(async (context, next) => {
  if (context.get('access') !== 'write') {
    throw new HttpError('FORBIDDEN', 'This key may only look; a key that may write is needed here.');
  }
  await next();
});
