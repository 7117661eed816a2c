import { expect, test } from 'bun:test';
import type { Catalog } from '../../src/catalog/catalog.ts';
import { createNotifier } from '../../src/pipeline/notifier.ts';
import type { DatasetActors } from '../../src/runtime/dataset-actors.ts';
import { waitUntilIndexed, waitUntilNothingWaits } from '../../src/runtime/wait-until-indexed.ts';
import { rejectionOf } from '../support/test-runtime.ts';

for (const wait of [waitUntilIndexed, waitUntilNothingWaits]) {
  test(`${wait.name} notices an abort that comes while it asks the catalog`, async () => {
    const abort = new AbortController();
    const notifier = createNotifier();
    const catalog: Pick<Catalog, 'listGenerations' | 'datasetBacklog'> = {
      async listGenerations() {
        abort.abort();
        return [];
      },
      async datasetBacklog() {
        abort.abort();
        return {
          incomingDocuments: 1,
          queuedDocuments: 0,
          pendingChunks: 0,
          uncutDocuments: 0,
          isSwitchPending: false,
          oldestChangeAtMs: 0,
        };
      },
    };
    const actors: Pick<DatasetActors, 'notifier' | 'standing'> = {
      notifier: () => notifier,
      standing: () => ({ phase: 'processing', failure: undefined }),
    };
    const waiting = wait(1, 'p/d', {
      catalog: catalog as Catalog,
      actors: actors as DatasetActors,
      wake: () => undefined,
      signal: abort.signal,
    });
    expect(await rejectionOf(waiting)).toMatchObject({ code: 'ABORTED' });
  });
}
