import { expect, test } from 'bun:test';
import { createMutex } from '../../src/pipeline/mutex.ts';
import { rejectionOf } from '../support/test-runtime.ts';

test('runs one task at a time, in the order they were asked for', async () => {
  const mutex = createMutex();
  const log: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = mutex.run(async () => {
    log.push('first begins');
    await gate.promise;
    log.push('first ends');
    return 1;
  });
  const second = mutex.run(async () => {
    log.push('second');
    return 2;
  });
  const third = mutex.run(async () => {
    log.push('third');
    return 3;
  });
  gate.resolve();
  expect(await Promise.all([first, second, third])).toEqual([1, 2, 3]);
  expect(log).toEqual(['first begins', 'first ends', 'second', 'third']);
});

test('an error belongs to its own caller, and the next task runs all the same', async () => {
  const mutex = createMutex();
  const failing = mutex.run(() => Promise.reject(new Error('broken')));
  const next = mutex.run(async () => 'ran');
  expect(await rejectionOf(failing)).toMatchObject({ message: expect.stringContaining('broken') });
  expect(await next).toBe('ran');
});

test('a task that throws before its first await does not block the others', async () => {
  const mutex = createMutex();
  const failing = mutex.run(() => {
    throw new Error('at once');
  });
  expect(await rejectionOf(failing)).toMatchObject({ message: expect.stringContaining('at once') });
  expect(await mutex.run(async () => 'ran')).toBe('ran');
});
