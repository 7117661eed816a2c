import { expect, test } from 'bun:test';
import { cronTimes } from '../../../src/runtime/schedules/cron-times.ts';

const at = (time: string): number => Date.parse(time);
const next = (cron: string, timeZone: string, after: string, count = 1): string[] => {
  const times = cronTimes(cron, timeZone, 'a/b');
  const found: string[] = [];
  let afterMs = at(after);
  for (let index = 0; index < count; index += 1) {
    const nextMs = times.nextAfter(afterMs);
    if (nextMs === undefined) break;
    found.push(new Date(nextMs).toISOString());
    afterMs = nextMs;
  }
  return found;
};

test('the default is every Sunday at 3:00 UTC, whatever the season', () => {
  expect(next('0 3 * * 0', 'UTC', '2026-03-21T00:00:00Z', 3)).toEqual([
    '2026-03-22T03:00:00.000Z',
    '2026-03-29T03:00:00.000Z',
    '2026-04-05T03:00:00.000Z',
  ]);
});

test('a time in a time zone follows its clocks', () => {
  expect(next('0 3 * * *', 'Europe/Berlin', '2026-03-28T00:00:00Z', 3)).toEqual([
    '2026-03-28T02:00:00.000Z',
    '2026-03-29T01:00:00.000Z',
    '2026-03-30T01:00:00.000Z',
  ]);
});

test('a time that the clocks leave out comes once they were changed, and not twice', () => {
  expect(next('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00:00Z', 2)).toEqual([
    '2026-03-29T01:00:00.000Z',
    '2026-03-30T00:30:00.000Z',
  ]);
});

test('a time that the clocks repeat comes once', () => {
  expect(next('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2)).toEqual([
    '2026-10-25T00:30:00.000Z',
    '2026-10-26T01:30:00.000Z',
  ]);
});

test('a time that never comes is none', () => {
  expect(next('0 0 31 2 *', 'UTC', '2026-01-01T00:00:00Z')).toEqual([]);
});

test.each([
  ['61 * * * *', 'UTC', '"61 * * * *"'],
  [
    '0 3 * * sonntag',
    'UTC',
    '"0 3 * * sonntag" is no cron expression: its weekday cannot be "sonntag". Give five',
  ],
  ['0 3 * *', 'UTC', '"0 3 * *" is no cron expression: it has 4 fields. Give five'],
  ['', 'UTC', '""'],
  ['0 3 * * 0', 'Europe/Berln', '"Europe/Berln"'],
])('the typo in "%s" (%s) is named', (cron, timeZone, named) => {
  expect(() => cronTimes(cron, timeZone, 'shop/orders')).toThrow(
    expect.objectContaining({
      code: 'INVALID_SCHEDULE',
      message: expect.stringMatching(new RegExp(`shop/orders.*${named.replaceAll('*', '\\*')}`)),
    }),
  );
});
