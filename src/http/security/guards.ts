import { createMiddleware } from 'hono/factory';
import type { HttpEnv } from '../environment.ts';
import { HttpError } from '../http-error.ts';
import type { ResolvedHttpOptions } from '../options.ts';

/** What stands before every route, in this order. Whoever gets past it has its `access`. */
export function createGuards(_options: ResolvedHttpOptions) {
  return [
    createMiddleware<HttpEnv>(async (context, next) => {
      context.set('access', 'write');
      await next();
    }),
  ];
}

/** Stands before each route that changes something. */
export const requireWrite = createMiddleware<HttpEnv>(async (context, next) => {
  if (context.get('access') !== 'write') {
    throw new HttpError('FORBIDDEN', 'This key may only look; a key that may write is needed here.');
  }
  await next();
});
