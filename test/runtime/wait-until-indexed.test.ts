import { expect, test } from 'bun:test';
import type { Catalog, DatasetBacklog, DatasetRecord } from '../../src/catalog/catalog.ts';
import { createNotifier } from '../../src/pipeline/notifier.ts';
import type { DatasetWork, OpenGeneration } from '../../src/pipeline/work.ts';
import type { DatasetActors } from '../../src/runtime/dataset-actors.ts';
import {
  type WaitParts,
  waitUntilIndexed,
  waitUntilNothingWaits,
} from '../../src/runtime/wait-until-indexed.ts';
import { rejectionOf, waitFor } from '../support/test-runtime.ts';

const work: Pick<DatasetWork, 'dataset' | 'serving' | 'checkAsked'> = {
  dataset: { datasetId: 1 } as DatasetRecord,
  serving: { current: undefined },
  checkAsked: { level: undefined },
};

const NOTHING_WAITS: DatasetBacklog = {
  incomingDocuments: 0,
  queuedDocuments: 0,
  pendingChunks: 0,
  batchedChunks: 0,
  uncutDocuments: 0,
  isSwitchPending: false,
  oldestChangeAtMs: undefined,
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
        return { ...NOTHING_WAITS, incomingDocuments: 1, oldestChangeAtMs: 0 };
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

test('waitUntilNothingWaits waits for a check that was asked for while a dataset works, but not while it is paused', async () => {
  const notifier = createNotifier();
  let phase: 'processing' | 'paused' = 'processing';
  let looks = 0;
  const catalog: Pick<Catalog, 'datasetBacklog'> = {
    async datasetBacklog() {
      looks += 1;
      return NOTHING_WAITS;
    },
  };
  const actors: Pick<DatasetActors, 'notifier' | 'standing'> = {
    notifier: () => notifier,
    standing: () => ({ phase, failure: undefined }),
  };
  const checked = {
    ...work,
    serving: { current: {} as OpenGeneration },
    checkAsked: { level: 'quick' as const },
  };
  const parts: WaitParts = {
    catalog: catalog as Catalog,
    actors: actors as DatasetActors,
    wake: () => undefined,
    signal: new AbortController().signal,
  };
  let isOver = false;
  const waiting = waitUntilNothingWaits(checked as unknown as DatasetWork, 'p/d', parts).then(() => {
    isOver = true;
  });
  for (let rings = 1; rings <= 3; rings += 1) {
    await waitFor('a look', () => looks >= rings);
    await new Promise((resolve) => setImmediate(resolve));
    expect(isOver).toBe(false);
    notifier.ring();
  }
  phase = 'paused';
  notifier.ring();
  await waiting;
});
