import { expect, test } from 'bun:test';
import { createNotifier } from '../../src/pipeline/notifier.ts';

const PENDING = Symbol('pending');

function peek(promise: Promise<void>): Promise<unknown> {
  return Promise.race([promise.then(() => 'rung'), Promise.resolve().then(() => Promise.resolve(PENDING))]);
}

test('wakes everybody who waits', async () => {
  const notifier = createNotifier();
  const [one, two] = [notifier.next(), notifier.next()];
  notifier.ring();
  expect(await Promise.all([peek(one), peek(two)])).toEqual(['rung', 'rung']);
});

test('a ticket taken before a ring is kept through it, also when it is awaited later', async () => {
  const notifier = createNotifier();
  const ticket = notifier.next();
  notifier.ring();
  notifier.ring();
  await Promise.resolve();
  expect(await peek(ticket)).toBe('rung');
});

test('a ticket taken after a ring waits for the next one', async () => {
  const notifier = createNotifier();
  notifier.ring();
  const ticket = notifier.next();
  expect(await peek(ticket)).toBe(PENDING);
  notifier.ring();
  expect(await peek(ticket)).toBe('rung');
});
