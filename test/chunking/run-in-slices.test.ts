import { describe, expect, test } from 'bun:test';
import { runInSlices } from '../../src/chunking/run-in-slices.ts';
import { isSynclineError } from '../../src/domain/errors.ts';
import { rejectionOf } from '../support/test-runtime.ts';

/** Keeps the thread busy for about `ms`. */
function work(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

function* steps(count: number, ms: number): Generator<void, string> {
  for (let index = 0; index < count; index += 1) {
    work(ms);
    yield;
  }
  return 'done';
}

/** How often the event loop comes round while `task` runs. */
async function countTurns(task: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let isDone = false;
  const turn = (): void => {
    turns += 1;
    if (!isDone) setImmediate(turn);
  };
  setImmediate(turn);
  await task();
  isDone = true;
  return turns;
}

describe('runInSlices', () => {
  test('gives the result of the generator', async () => {
    expect(await runInSlices(steps(3, 0))).toBe('done');
  });

  test('lets the event loop turn while one generator works', async () => {
    expect(await countTurns(() => runInSlices(steps(60, 1)))).toBeGreaterThanOrEqual(5);
  });

  test('lets timers and I/O through', async () => {
    let fired = 0;
    const timer = setInterval(() => {
      fired += 1;
    }, 1);
    await runInSlices(steps(100, 1));
    clearInterval(timer);
    expect(fired).toBeGreaterThan(2);
  });

  test('shares the budget between calls, so that many small ones let go as well', async () => {
    const turns = await countTurns(async () => {
      for (let index = 0; index < 200; index += 1) await runInSlices(steps(1, 0.3));
    });
    expect(turns).toBeGreaterThanOrEqual(5);
  });

  test('makes progress in every one of many calls at once', async () => {
    const results = await Promise.all(Array.from({ length: 20 }, () => runInSlices(steps(5, 1))));
    expect(results).toEqual(Array.from({ length: 20 }, () => 'done'));
  });

  test('throws what the generator throws', async () => {
    function* failing(): Generator<void, never> {
      yield;
      throw new RangeError('no');
    }
    expect(await rejectionOf(runInSlices(failing()))).toBeInstanceOf(RangeError);
  });

  test('stops at the next step after an abort, and lets the generator clean up', async () => {
    const controller = new AbortController();
    let taken = 0;
    let isCleanedUp = false;
    function* endless(): Generator<void, never> {
      try {
        for (;;) {
          taken += 1;
          if (taken === 3) controller.abort();
          yield;
        }
      } finally {
        isCleanedUp = true;
      }
    }
    const error = await runInSlices(endless(), controller.signal).catch((reason: unknown) => reason);
    expect(isSynclineError(error, 'ABORTED')).toBe(true);
    expect([taken, isCleanedUp]).toEqual([3, true]);
  });
});
