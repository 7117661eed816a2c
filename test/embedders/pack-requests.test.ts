import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { budgetedTokens, packRequests, splitRequest } from '../../src/embedders/pack-requests.ts';

const limits = (itemsPerRequestMax: number, tokensPerRequestMax: number) => ({
  itemsPerRequestMax,
  tokensPerRequestMax,
});
const items = (...tokenCounts: number[]) => tokenCounts.map((tokenCount) => ({ tokenCount }));
const counts = (requests: readonly (readonly { readonly tokenCount: number }[])[]) =>
  requests.map((request) => request.map((item) => item.tokenCount));

describe('packing requests', () => {
  test('fills each request up to the items and up to the tokens', () => {
    expect(counts(packRequests(items(1, 2, 3, 4, 5), limits(2, 100)))).toEqual([[1, 2], [3, 4], [5]]);
    expect(counts(packRequests(items(4, 6, 1, 9, 9), limits(9, 10)))).toEqual([[4, 6], [1, 9], [9]]);
    expect(packRequests([], limits(2, 10))).toEqual([]);
  });

  test('gives an item over the limit a request of its own', () => {
    expect(counts(packRequests(items(1, 99, 1), limits(9, 10)))).toEqual([[1], [99], [1]]);
  });

  test('budgets a third of the bytes where that is more than the tokens counted', () => {
    expect(budgetedTokens({ tokenCount: 2, embeddedText: 'x'.repeat(30) })).toBe(10);
    expect(budgetedTokens({ tokenCount: 20, embeddedText: 'x'.repeat(30) })).toBe(20);
    expect(budgetedTokens({ tokenCount: 1, embeddedText: '漢漢' })).toBe(2);
    const wide = { tokenCount: 1, embeddedText: 'x'.repeat(18) };
    expect(packRequests([wide, wide], limits(9, 10))).toHaveLength(2);
  });

  test('loses, repeats and reorders nothing, and holds the limits', () => {
    const itemList = fc.array(fc.record({ tokenCount: fc.nat(50), id: fc.nat() }));
    const property = fc.property(
      itemList,
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 80 }),
      (all, n, t) => {
        const requests = packRequests(all, limits(n, t));
        expect(requests.flat()).toEqual(all);
        for (const request of requests) {
          const tokens = request.reduce((sum, item) => sum + item.tokenCount, 0);
          expect(request.length).toBeWithin(1, n + 1);
          expect(request.length === 1 || tokens <= t).toBe(true);
        }
      },
    );
    fc.assert(property, { numRuns: 300 });
  });
});

describe('splitting a refused request', () => {
  test('halves it in order, and stops at a single item', () => {
    expect(splitRequest([1, 2, 3])).toEqual([[1, 2], [3]]);
    expect(splitRequest([1, 2])).toEqual([[1], [2]]);
    expect(splitRequest([1])).toBeUndefined();
    expect(splitRequest([])).toBeUndefined();
  });
});
