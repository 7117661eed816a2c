import { expect, test } from 'bun:test';
import { createKeySet } from '../../src/domain/key-set.ts';

test('a key set knows what was added to it, however much that is', () => {
  const set = createKeySet();
  for (let at = 0; at < 20_000; at += 1) expect(set.add(`orders/${at}`)).toBe(true);
  for (let at = 0; at < 20_000; at += 1) expect(set.add(`orders/${at}`)).toBe(false);
  expect(set.size).toBe(20_000);
  expect(set.has('orders/19999')).toBe(true);
  expect(set.has('orders/20000')).toBe(false);
  expect(set.has('')).toBe(false);
});
