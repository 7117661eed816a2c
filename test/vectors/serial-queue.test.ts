import { expect, test } from 'bun:test';
import { createSerialQueue } from '../../src/vectors/serial-queue.ts';
import { rejectionOf } from '../support/test-runtime.ts';

test('tasks run one after the other in the order of the calls', async () => {
  const queue = createSerialQueue();
  const events: string[] = [];
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const runs = gates.map((gate, index) =>
    queue.run(async () => {
      events.push(`start ${index}`);
      await gate.promise;
      events.push(`end ${index}`);
      return index;
    }),
  );
  gates[1]?.resolve();
  gates[0]?.resolve();
  expect(await Promise.all(runs)).toEqual([0, 1]);
  expect(events).toEqual(['start 0', 'end 0', 'start 1', 'end 1']);
});

test('a task that fails rejects its own call and lets the next one run', async () => {
  const queue = createSerialQueue();
  const failing = queue.run(() => Promise.reject(new Error('no')));
  const following = queue.run(async () => 'yes');
  expect(await rejectionOf(failing)).toMatchObject({ message: expect.stringContaining('no') });
  expect(await following).toBe('yes');
});

test('a task that throws before its first await rejects its own call', async () => {
  const queue = createSerialQueue();
  const failing = queue.run(() => {
    throw new Error('at once');
  });
  expect(await rejectionOf(failing)).toMatchObject({ message: expect.stringContaining('at once') });
  expect(await queue.run(async () => 'yes')).toBe('yes');
});
