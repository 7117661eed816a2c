import type { HttpApp, HttpOptions } from './http/app.ts';
import { createRuntime, type Runtime } from './runtime/create-runtime.ts';
import type { SynclineOptions } from './runtime/options.ts';

/** Keeps LanceDB tables in line with your data. Made by {@link createSyncline}. */
export interface Syncline extends Runtime {
  /**
   * The REST API as a Hono app, to be served alone or mounted in yours under any path:
   * `app.route('/vectors', await syncline.http())`. Each call makes another app over the same runtime. It is loaded when first
   * asked for; it starts nothing: whether a worker runs is up to `start()`.
   *
   * @throws SynclineError `INVALID_OPTION`.
   */
  http(options?: HttpOptions): Promise<HttpApp>;
}

/**
 * Creates a runtime. Opens nothing and starts nothing until a method needs it.
 *
 * @throws SynclineError `INVALID_OPTION`.
 */
export function createSyncline(options: SynclineOptions = {}): Syncline {
  const runtime = createRuntime(options);
  // Not a copy: what the runtime has as getters is to stay so.
  return Object.assign(runtime, {
    http: async (httpOptions?: HttpOptions): Promise<HttpApp> => {
      const { createHttpApp } = await import('./http/app.ts');
      return createHttpApp(runtime, httpOptions);
    },
  });
}
