import type { Context } from 'hono';
import type { HttpApp } from './app.ts';
import type { HttpEnv } from './environment.ts';
import { answerNotFound, answerProblem } from './problem.ts';

/** Answers what no route of an app takes: by 405 where the address knows other methods, else by 404. */
export function answerUnknown(app: HttpApp): (context: Context<HttpEnv>) => Response {
  const known = app.routes
    .filter(({ method }) => method !== 'ALL')
    .map(({ method, path }) => ({ method, pattern: new RegExp(`^${path.replaceAll(/:\w+/g, '[^/]+')}$`) }));
  return (context) => {
    const path = context.req.path.slice(context.get('prefix').length);
    const methods = new Set(known.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method));
    if (methods.size === 0) return answerNotFound(context);
    const allowed = [...methods].join(', ');
    const detail = `${context.req.path} does not know ${context.req.method}; it knows ${allowed}.`;
    return answerProblem(context, 'METHOD_NOT_ALLOWED', detail, { headers: { Allow: allowed } });
  };
}
