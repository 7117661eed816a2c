import { expect, test } from 'bun:test';
import type { Catalog, DatasetRecord } from '../../src/catalog/catalog.ts';
import { createNotifier } from '../../src/pipeline/notifier.ts';
import type { DatasetWork } from '../../src/pipeline/work.ts';
import type { DatasetActors } from '../../src/runtime/dataset-actors.ts';
import {
  type WaitParts,
  waitUntilIndexed,
  waitUntilNothingWaits,
} from '../../src/runtime/wait-until-indexed.ts';
import { rejectionOf } from '../support/test-runtime.ts';

const work: Pick<DatasetWork, 'dataset' | 'serving'> = {
  dataset: { datasetId: 1 } as DatasetRecord,
  serving: { current: undefined },
};

const WAITS: Readonly<Record<string, (parts: WaitParts) => Promise<void>>> = {
  waitUntilIndexed: (parts) => waitUntilIndexed(1, 'p/d', parts),
  waitUntilNothingWaits: (parts) => waitUntilNothingWaits(work as DatasetWork, 'p/d', parts),
};

for (const [name, wait] of Object.entries(WAITS)) {
  test(`${name} notices an abort that comes while it asks the catalog`, async () => {
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
          batchedChunks: 0,
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
    const waiting = wait({
      catalog: catalog as Catalog,
      actors: actors as DatasetActors,
      wake: () => undefined,
      signal: abort.signal,
    });
    expect(await rejectionOf(waiting)).toMatchObject({ code: 'ABORTED' });
  });
}
