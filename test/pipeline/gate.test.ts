import { describe, expect, test } from 'bun:test';
import { createGate } from '../../src/pipeline/gate.ts';
import { rejectionOf } from '../support/test-runtime.ts';

describe('a gate', () => {
  const never = new AbortController().signal;

  /** Tasks that say when they begin, and end when they are told to. */
  function numbered(gate = createGate(2)) {
    const begun: number[] = [];
    const ends = new Map<number, PromiseWithResolvers<void>>();
    return {
      begun,
      ask: (number: number, signal = never): Promise<number> => {
        const end = Promise.withResolvers<void>();
        ends.set(number, end);
        return gate.run(async () => {
          begun.push(number);
          await end.promise;
          return number;
        }, signal);
      },
      end: (number: number) => ends.get(number)?.resolve(),
      fail: (number: number) => ends.get(number)?.reject(new Error(`${number} failed`)),
    };
  }

  test('lets so many in at the same time, and the others in their order as those end, also by an error', async () => {
    const { begun, ask, end, fail } = numbered();
    const [first, second, third, fourth] = [ask(1), ask(2), ask(3), ask(4)];
    await turn();
    expect(begun).toEqual([1, 2]);
    fail(2);
    expect(await rejectionOf(second)).toMatchObject({ message: '2 failed' });
    await turn();
    expect(begun).toEqual([1, 2, 3]);
    end(3);
    expect(await third).toBe(3);
    await turn();
    expect(begun).toEqual([1, 2, 3, 4]);
    end(1);
    end(4);
    expect(await Promise.all([first, fourth])).toEqual([1, 4]);
    const later = [ask(5), ask(6), ask(7)];
    await turn();
    expect(begun).toEqual([1, 2, 3, 4, 5, 6]);
    for (const number of [5, 6, 7]) end(number);
    expect(await Promise.all(later)).toEqual([5, 6, 7]);
  });

  test('forgets who gives up waiting', async () => {
    const { begun, ask, end } = numbered();
    const abort = new AbortController();
    const tasks = [ask(1), ask(2)];
    const givesUp = rejectionOf(ask(3, abort.signal));
    const waits = ask(4);
    abort.abort();
    expect(await givesUp).toMatchObject({ code: 'ABORTED' });
    expect(await rejectionOf(ask(5, abort.signal))).toMatchObject({ code: 'ABORTED' });
    for (const number of [1, 2, 4]) end(number);
    expect(await Promise.all([...tasks, waits])).toEqual([1, 2, 4]);
    expect(begun).toEqual([1, 2, 4]);
  });

  test('gives the place of one that is aborted to the next, though it has not ended, and once', async () => {
    const { begun, ask, end } = numbered();
    const abort = new AbortController();
    const tasks = [ask(1, abort.signal), ask(2), ask(3), ask(4)];
    await turn();
    abort.abort();
    await turn();
    expect(begun).toEqual([1, 2, 3]);
    end(1);
    expect(await tasks[0]).toBe(1);
    await turn();
    expect(begun).toEqual([1, 2, 3]);
    for (const number of [2, 3, 4]) end(number);
    expect(await Promise.all(tasks)).toEqual([1, 2, 3, 4]);
  });
});

/** What can go on without waiting has gone on. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
