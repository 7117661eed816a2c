import type { HttpParts } from '../environment.ts';
import { HttpError } from '../http-error.ts';
import { createInspectors } from '../live/inspection.ts';
import { createRouter } from '../router.ts';

/** Stately's inspection protocol over a WebSocket, for XState's tools; only where the option `inspect` asks for it. */
export function inspectRoutes({ runtime, options }: HttpParts) {
  const router = createRouter();
  if (!options.inspect) return router;
  const inspectors = createInspectors(runtime);
  for (const signal of [runtime.stopping, options.closing])
    signal?.addEventListener('abort', () => inspectors.close(), { once: true });
  return router.get('/inspect', (context) => {
    const handlers = inspectors.accept();
    if (handlers === undefined) throw new HttpError('TOO_MANY_STREAMS', 'Too many tools look on already.');
    if (context.env?.upgradeSocket?.(handlers) !== true) {
      throw new HttpError(
        'UPGRADE_REQUIRED',
        'This address takes WebSockets only, and only in "syncline serve".',
        {
          headers: { Upgrade: 'websocket' },
        },
      );
    }
    return context.body(null);
  });
}
