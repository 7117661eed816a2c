import { expect, test } from 'bun:test';
import { createTimeLeft } from '../../src/cli/time-left.ts';

test('how long the rest takes follows the rate of the last half minute, evenly', () => {
  const timeLeft = createTimeLeft();
  expect(timeLeft.look(100, 0)).toBeUndefined();
  expect(timeLeft.look(90, 1_000)).toBeUndefined();
  expect(timeLeft.look(80, 2_000)).toBe(8_000);
  // In bursts, as commits come.
  expect(timeLeft.look(80, 3_000)).toBe(12_000);
  expect(timeLeft.look(60, 4_000)).toBe(6_000);
  // More turns up: it goes as fast as before.
  expect(timeLeft.look(100, 4_000)).toBe(10_000);
  expect(timeLeft.look(90, 5_000)).toBe(9_000);
  expect(timeLeft.look(0, 8_000)).toBeUndefined();
});

test('what does not move any more has no end', () => {
  const timeLeft = createTimeLeft();
  timeLeft.look(100, 0);
  timeLeft.look(50, 5_000);
  expect(timeLeft.look(50, 20_000)).toBe(20_000);
  expect(timeLeft.look(50, 36_000)).toBeUndefined();
});
