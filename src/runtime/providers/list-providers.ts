import type { LeaseHolder, StoredStanding } from '../../catalog/catalog.ts';
import type { RuntimeCore } from '../core.ts';
import { isCertainlyDead } from '../host-identity.ts';
import type { ProviderStatus } from './provider-status.ts';

/** Who works on the catalog now: whoever holds the lease, unless that process is gone. */
export async function readWorker({
  catalog,
  identity,
}: Pick<RuntimeCore, 'catalog' | 'identity'>): Promise<LeaseHolder | undefined> {
  const worker = await (await catalog()).readLease();
  return worker !== undefined && !isCertainlyDead(worker, identity) ? worker : undefined;
}

/** See `Runtime.providers`. */
export async function listProviders(core: RuntimeCore): Promise<ProviderStatus[]> {
  const { fleet, clock, sessions } = core;
  const own = fleet.list().map((one) => ({ ...one, seenBy: 'here' as const, seenAtMs: clock.nowMs() }));
  try {
    const stored = await (await core.catalog()).listProviderStandings();
    const others = stored.filter(({ holderId }) => holderId !== sessions.holderId);
    const worker = others.length === 0 ? undefined : await readWorker(core);
    return [...own, ...others.map((standing) => seenByAnother(standing, worker))];
  } catch {
    // What ails the catalog is told by all else; what is sent from here is known all the same.
    return own;
  }
}

function seenByAnother(
  { holderId, notedAtMs, ...standing }: StoredStanding,
  worker: LeaseHolder | undefined,
): ProviderStatus {
  return {
    ...standing,
    id: `${holderId}/${standing.id}`,
    seenBy: worker?.holderId === holderId ? 'worker' : 'formerWorker',
    seenAtMs: notedAtMs,
  };
}
