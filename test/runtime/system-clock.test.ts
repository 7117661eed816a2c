import { expect, test } from 'bun:test';
import { systemClock } from '../../src/runtime/system-clock.ts';

test('a wait of more than 25 days does not end at once, and can be called off', async () => {
  const ended: string[] = [];
  const callOff = systemClock.setTimer(2 ** 31 + 5, () => ended.push('long'));
  // A timer that was set later, for as long as the other would have waited.
  await new Promise<void>((resolve) => systemClock.setTimer(5, resolve));
  callOff();
  expect(ended).toEqual([]);
});
