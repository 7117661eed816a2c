import { createRequire } from 'node:module';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** The native library, as its package exports it. */
export type Lance = typeof import('@lancedb/lancedb');
/** The Arrow library. */
export type Arrow = typeof import('apache-arrow');

/** Both libraries, loaded together. */
export interface LanceLibrary {
  readonly lance: Lance;
  readonly arrow: Arrow;
}

let loading: Promise<LanceLibrary> | undefined;

/**
 * Loads LanceDB and Arrow at first use (about 0.1 s and 60 MB), so that importing Syncline costs neither.
 *
 * Arrow is the very instance that LanceDB requires (CommonJS): a second one, which an `import` statement would load, costs
 * another 5 MB and makes LanceDB rebuild every table it is given because `instanceof` fails.
 */
export function loadLance(): Promise<LanceLibrary> {
  loading ??= load().catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}

async function load(): Promise<LanceLibrary> {
  const fromHere = createRequire(import.meta.url);
  const arrow: Arrow = createRequire(fromHere.resolve('@lancedb/lancedb'))('apache-arrow');
  // Each library holds the event loop while it is loaded; between the two, others get their turn.
  await nextTurn();
  const lance: Lance = await import('@lancedb/lancedb');
  return { lance, arrow };
}
