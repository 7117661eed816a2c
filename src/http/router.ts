import { OpenAPIHono } from '@hono/zod-openapi';
import type { ZodError } from 'zod';
import type { HttpEnv } from './environment.ts';
import { HttpError } from './http-error.ts';

/** Faults of one request that are told. */
const FAULTS_MAX = 20;

/** A router whose requests are checked against the schemas of its routes before a handler sees them. */
export function createRouter(): OpenAPIHono<HttpEnv> {
  return new OpenAPIHono<HttpEnv>({
    defaultHook: (result) => {
      if (!result.success) throw invalidRequest(result.target, result.error);
    },
  });
}

/** Where `target` says: `json` → `body`, as callers know it. */
function invalidRequest(target: string, error: ZodError): HttpError {
  const part = target === 'json' ? 'body' : target === 'param' ? 'path' : target;
  const faults = error.issues.slice(0, FAULTS_MAX).map(({ path, message }) => ({
    path: [part, ...path.map(String)].join('.'),
    detail: message,
  }));
  const [first] = faults;
  const where = first === undefined ? 'the request' : `${first.path}: ${first.detail}`;
  return new HttpError('INVALID_REQUEST', `The request cannot be taken; ${where}.`, { faults });
}
