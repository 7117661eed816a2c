import { createMiddleware } from 'hono/factory';
import type { HttpEnv } from '../environment.ts';

/** What browsers are told about every answer; a route that sends one of them itself knows better. */
const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  // Answers may be of one key alone.
  'Cache-Control': 'no-store',
};

/** Sends {@link HEADERS} with every answer. */
export const secureHeaders = createMiddleware<HttpEnv>(async (context, next) => {
  await next();
  for (const [name, value] of Object.entries(HEADERS)) {
    if (!context.res.headers.has(name)) context.res.headers.set(name, value);
  }
});
