import { describe, expect, test } from 'bun:test';
import { createSharedWork } from '../../src/mcp/shared-work.ts';
import { rejectionOf } from '../support/test-runtime.ts';

describe('shared work', () => {
  test('goes on when nobody waits any more, tells its task, and is joined by who asks for the same', async () => {
    const work = createSharedWork();
    const { promise, resolve } = Promise.withResolvers<string>();
    let begun = 0;
    const run = (onTask: (taskId: number) => void): Promise<string> => {
      begun += 1;
      onTask(7);
      return promise;
    };
    expect(await work.waitFor('rebuild docs/one', run, 0)).toEqual({ isDone: false, taskId: 7 });
    expect(await work.waitFor('rebuild docs/one', run, 0)).toEqual({ isDone: false, taskId: 7 });
    const joined = work.waitFor('rebuild docs/one', run, 10_000);
    resolve('done');
    expect(await joined).toEqual({ isDone: true, result: 'done' });
    expect(begun).toBe(1);
    expect(await work.waitFor('rebuild docs/one', run, 10_000)).toEqual({ isDone: true, result: 'done' });
    expect(begun).toBe(2);
  });

  test('fails to who waits, and to nobody else', async () => {
    const work = createSharedWork();
    const { promise, reject } = Promise.withResolvers<string>();
    const run = (): Promise<string> => promise;
    expect(await work.waitFor('check', run, 0)).toEqual({ isDone: false, taskId: undefined });
    const waiting = rejectionOf(work.waitFor('check', run, 10_000));
    reject(new Error('broken'));
    expect(await waiting).toEqual(new Error('broken'));
  });
});
