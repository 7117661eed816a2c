import { expect, test } from 'bun:test';
import { createActor } from 'xstate';
import { DEFAULT_BACKOFF } from '../../src/actors/failure.ts';
import type { DatasetWork } from '../../src/pipeline/work.ts';
import { createDatasetLogic } from '../../src/runtime/machine-logic.ts';

test('of many datasets that begin together a bounded number is looked at at once; whoever is let go of makes room', async () => {
  const asked: number[] = [];
  const logic = createDatasetLogic({
    catalog: () => Promise.reject(new Error('Nobody gets as far as that.')),
    random: () => 0,
    workFor: (datasetId) => {
      asked.push(datasetId);
      return new Promise<DatasetWork>(() => undefined);
    },
    knownWork: () => undefined,
    onReport: () => undefined,
    untilFree: () => Promise.resolve(),
  });
  const actors = Array.from({ length: 40 }, (_, place) => {
    const input = {
      datasetId: place + 1,
      address: `many/set-${place + 1}`,
      grantsItself: false,
      backoff: DEFAULT_BACKOFF,
    };
    return createActor(logic, { input }).start();
  });
  const idsTo = (last: number): number[] => Array.from({ length: last }, (_, place) => place + 1);
  await turn();
  expect(asked).toEqual(idsTo(16));
  for (const actor of actors.slice(10, 20)) actor.stop();
  await turn();
  // Six that were looked at, and four that waited, were let go of.
  expect(asked).toEqual([...idsTo(16), 21, 22, 23, 24, 25, 26]);
  for (const actor of actors) actor.stop();
  await turn();
  expect(asked).toHaveLength(22);
});

/** What can go on without waiting has gone on. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
