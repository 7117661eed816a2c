import { expect, test } from 'bun:test';
import type { Catalog, CatalogWriter } from '../../src/catalog/catalog.ts';
import { SynclineError } from '../../src/domain/errors.ts';
import { createAdapters } from '../../src/runtime/adapters.ts';
import { createRuntimeCore } from '../../src/runtime/core.ts';
import { runtimeOver } from '../../src/runtime/create-runtime.ts';
import { resolveOptions } from '../../src/runtime/options.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { rejectionOf, waitFor } from '../support/test-runtime.ts';

/** A real catalog, on a line that is cut once, after the commit and before its answer. */
function losingAnswerOf(
  catalog: Catalog,
  method: keyof CatalogWriter,
): { catalog: Catalog; lose: () => void } {
  let isToLose = false;
  const losing = async (...args: readonly unknown[]): Promise<unknown> => {
    const answer = await Reflect.apply(args[0] as () => unknown, args[1], args.slice(2));
    if (!isToLose) return answer;
    isToLose = false;
    throw new SynclineError('CATALOG_UNREACHABLE', 'The line was cut.', { retryable: true });
  };
  const cut = (writer: CatalogWriter): CatalogWriter =>
    new Proxy(writer, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        return name === method ? (...args: unknown[]) => losing(value, target, ...args) : value;
      },
    });
  const lossy = new Proxy(catalog, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      return name === 'writer' ? (token: number) => cut(target.writer(token)) : value;
    },
  });
  return {
    catalog: lossy,
    lose: () => {
      isToLose = true;
    },
  };
}

test.each([
  ['applyDocuments', 'sync'],
  ['enqueueIncoming', 'async'],
] as const)(
  'a change whose answer was lost after the commit (%s) is worked off all the same',
  async (method, mode) => {
    const folder = makeTempDir();
    const options = resolveOptions({ dataDir: folder.join('data'), environment: {}, durableTables: false });
    const adapters = createAdapters(options);
    let lose = (): void => undefined;
    const openCatalog = async (): Promise<Catalog> => {
      const lossy = losingAnswerOf(await adapters.openCatalog(), method);
      lose = lossy.lose;
      return lossy.catalog;
    };
    const runtime = runtimeOver(createRuntimeCore(options, { ...adapters, openCatalog }));
    try {
      await runtime.start();
      const dataset = runtime.dataset('docs/one');
      await dataset.ingest([{ key: 'a', content: 'first words' }]);
      await waitFor('it rests', async () => (await dataset.status()).phase === 'idle');
      lose();
      const failure = await rejectionOf(dataset.ingest([{ key: 'b', content: 'second words' }], { mode }));
      expect(failure).toMatchObject({ code: 'CATALOG_UNREACHABLE' });
      await waitFor('it is searchable', async () => (await dataset.status()).table?.rowCount === 2);
    } finally {
      await runtime.stop();
      folder.remove();
    }
  },
  120_000,
);

test('an answer of a provider is charged once when that it was stored is not heard', async () => {
  const folder = makeTempDir();
  const options = resolveOptions({ dataDir: folder.join('data'), environment: {}, durableTables: false });
  const adapters = createAdapters(options);
  let lose = (): void => undefined;
  const openCatalog = async (): Promise<Catalog> => {
    const lossy = losingAnswerOf(await adapters.openCatalog(), 'storeEmbeddings');
    lose = lossy.lose;
    return lossy.catalog;
  };
  const runtime = runtimeOver(createRuntimeCore(options, { ...adapters, openCatalog }));
  try {
    const dataset = runtime.dataset('docs/one');
    await dataset.ingest([{ key: 'a', content: 'first words' }]);
    lose();
    // Whether the call hears of it depends on what is written first.
    await dataset.ingest([{ key: 'b', content: 'second words' }]).catch(() => undefined);
    await dataset.index();
    expect(await runtime.costs()).toMatchObject([{ requestCount: 2, textCount: 2, reusedTextCount: 0 }]);
  } finally {
    await runtime.stop();
    folder.remove();
  }
});
