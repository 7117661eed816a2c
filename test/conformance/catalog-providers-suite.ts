import { describe, expect, test } from 'bun:test';
import type { ProviderStanding } from '../../src/catalog/catalog.ts';
import type { SqlCatalog } from '../../src/catalog/sql-catalog.ts';
import { LEASE, setStage, takeLease } from '../catalog/catalog-fixtures.ts';
import { rejectionOf } from '../support/test-runtime.ts';

const STANDING: ProviderStanding = {
  id: 'provider:1',
  provider: 'openai',
  state: 'unavailable',
  sinceMs: 1_000,
  failure: { code: 'PROVIDER_QUOTA', message: 'The quota is used up.', retryable: false },
  failedAtMs: 1_000,
  waitUntilMs: 61_000,
  openCount: 1,
};
const OTHER: ProviderStanding = { ...STANDING, id: 'provider:2', provider: 'embed.example' };

/** How providers stand, for those who only look. */
export function describeCatalogProviders(catalog: () => SqlCatalog): void {
  describe('the standings of providers', () => {
    test('are those that the holder of the lease has noted last', async () => {
      const { writer } = await setStage(catalog());
      expect(await catalog().listProviderStandings()).toEqual([]);
      await writer.noteProviderStanding(STANDING);
      const back: ProviderStanding = {
        ...STANDING,
        state: 'available',
        failure: undefined,
        failedAtMs: undefined,
        waitUntilMs: undefined,
      };
      await writer.noteProviderStanding(back);
      await writer.noteProviderStanding(back);
      const notedAtMs = expect.any(Number);
      expect(await catalog().listProviderStandings()).toEqual([
        { ...back, holderId: LEASE.holderId, notedAtMs },
      ]);
    });

    test('of a former holder stay until another holder has seen the same provider', async () => {
      const { writer, token } = await setStage(catalog());
      await writer.noteProviderStanding(STANDING);
      await writer.noteProviderStanding(OTHER);
      await catalog().releaseLease(token);
      const next = catalog().writer(await takeLease(catalog(), { ...LEASE, holderId: 'two' }));
      await next.noteProviderStanding({ ...STANDING, state: 'probing' });
      const stored = await catalog().listProviderStandings();
      expect(stored.map(({ holderId, provider, state }) => [holderId, provider, state])).toEqual(
        expect.arrayContaining([
          ['two', 'openai', 'probing'],
          [LEASE.holderId, 'embed.example', 'unavailable'],
        ]),
      );
      expect(stored).toHaveLength(2);
      expect(await rejectionOf(writer.noteProviderStanding(STANDING))).toMatchObject({ code: 'LEASE_LOST' });
    });

    test('are a hundred at most, each with a message of bounded length', async () => {
      const { writer } = await setStage(catalog());
      const failure = { code: 'PROVIDER_FAILED', message: `\0${'x'.repeat(100_000)}`, retryable: true };
      for (let n = 1; n <= 105; n += 1)
        await writer.noteProviderStanding({ ...STANDING, failure, id: `provider:${n}` });
      const stored = await catalog().listProviderStandings();
      expect(stored).toHaveLength(100);
      expect(stored[0]?.failure?.message.length).toBe(1_000);
    });
  });
}
