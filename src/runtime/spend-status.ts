import type { Catalog } from '../catalog/catalog.ts';
import type { Clock } from '../domain/clock.ts';
import { dayName, dayOf } from '../domain/cost.ts';
import { isSynclineError } from '../domain/errors.ts';
import type { HeldDataset } from './held-datasets.ts';
import type { SpendGuard } from './spend-guard.ts';
import type { SpendCaps } from './spend-options.ts';

/** What may be spent, what was, and who waits because of that. */
export interface SpendStatus extends SpendCaps {
  /** `2026-11-26`, UTC. */
  readonly day: string;
  readonly spentTodayUsd: number;
  /** Datasets that wait because a cap was reached, in this runtime or, by the catalog, with another worker or one that has ended. */
  readonly held: readonly HeldDataset[];
}

/** What may be spent, what was today, and who waits because of that. */
export async function spendStatus(
  catalog: () => Promise<Catalog>,
  guard: SpendGuard,
  clock: Pick<Clock, 'nowMs'>,
): Promise<SpendStatus> {
  try {
    const ledger = await catalog();
    const { day, spentUsd } = await ledger.spentToday();
    const elsewhere = guard.holds.elsewhere(await ledger.listSpendHolds());
    return {
      ...guard.caps(),
      day: dayName(day),
      spentTodayUsd: spentUsd,
      held: [...guard.held(), ...elsewhere],
    };
  } catch (error) {
    if (!isSynclineError(error, 'CATALOG_MISSING')) throw error;
    return { ...guard.caps(), day: dayName(dayOf(clock.nowMs())), spentTodayUsd: 0, held: guard.held() };
  }
}
