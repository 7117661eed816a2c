import { describe, expect, test } from 'bun:test';
import { retryAfterMs } from '../../src/embedders/retry-after.ts';

const NOW = Date.UTC(2026, 10, 20, 12, 0, 0);
const wait = (headers: Record<string, string>) => retryAfterMs(new Headers(headers), NOW);

describe('the wait that a server asks for', () => {
  test('is read from seconds, milliseconds and dates', () => {
    expect(wait({ 'retry-after': '2' })).toBe(2000);
    expect(wait({ 'retry-after': '0.25' })).toBe(250);
    expect(wait({ 'retry-after-ms': '1500' })).toBe(1500);
    expect(wait({ 'retry-after': 'Fri, 20 Nov 2026 12:00:30 GMT' })).toBe(30_000);
  });

  test('is never negative and never longer than a day', () => {
    expect(wait({ 'retry-after': 'Fri, 20 Nov 2026 11:00:00 GMT' })).toBe(0);
    expect(wait({ 'retry-after': '99999999' })).toBe(86_400_000);
  });

  test('is unknown when the header is absent or makes no sense', () => {
    expect(retryAfterMs(undefined, NOW)).toBeUndefined();
    for (const value of ['', 'soon', '-5', 'NaN', '1e9'])
      expect(wait({ 'retry-after': value })).toBeUndefined();
  });
});
