import { expect, test } from 'bun:test';
import { SynclineError } from '../../src/domain/errors.ts';
import { datasetsOfTests } from './dataset-harness.ts';

const start = datasetsOfTests();

const capReached = () =>
  new SynclineError('SPEND_CAP_REACHED', 'Nothing is left.', { details: { cap: 'run' } });

test('a dataset whose request would pass a cap is paused, not failed, until it is resumed', async () => {
  const harness = start();
  const { actor, sources, send, untilIn, world } = harness;
  sources.embedPending.hold();
  actor.start();
  // More often than any other failure parks it.
  for (let round = 1; round <= 5; round += 1) {
    (await sources.embedPending.call(round)).fail(capReached());
    await untilIn('paused');
    expect(actor.getSnapshot().context).toMatchObject({
      pauseReasons: ['spend cap'],
      failure: { code: 'SPEND_CAP_REACHED' },
      failureCount: 0,
    });
    send({ type: 'dataset.resume', reason: 'spend cap' });
  }
  sources.embedPending.letGo();
  await untilIn('idle');
  expect(world.written).toBe(1);
  expect(actor.getSnapshot().context.failure).toBeUndefined();
});
