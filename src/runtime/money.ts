import type { Catalog } from '../catalog/catalog.ts';
import type { Clock } from '../domain/clock.ts';
import type { RuntimeCore } from './core.ts';
import type { EventHub } from './events.ts';
import type { ResolvedOptions } from './options.ts';
import type { PriceBook } from './price-book.ts';
import { createQueryCharges, type QueryCharges } from './query-charges.ts';
import { createSpendGuard, type SpendGuard, type SpendGuardParts } from './spend-guard.ts';

/** What a runtime knows of money. */
export interface Money {
  /** What models cost. */
  readonly prices: PriceBook;
  /** Charges what is searched for. */
  readonly queries: QueryCharges;
  /** Keeps what embedding costs below the caps. */
  readonly spend: SpendGuard;
}

export interface MoneyParts {
  readonly options: ResolvedOptions;
  readonly prices: PriceBook;
  readonly clock: Clock;
  readonly hub: EventHub;
}

/** @param core - Whose datasets are told to go on. */
export function createMoney(
  { options, prices, clock, hub }: MoneyParts,
  catalog: () => Promise<Catalog>,
  core: () => Pick<RuntimeCore, 'supervision' | 'actors'>,
): Money {
  const parts = { catalog, clock, hub };
  const isReadOnly = options.access === 'readOnly';
  const resume: SpendGuardParts['resume'] = (datasetId, address, reason) => {
    const { supervision, actors } = core();
    const event = { type: 'dataset.resume', reason } as const;
    supervision?.tell(datasetId, address, event);
    actors.send(datasetId, event);
  };
  return {
    prices,
    queries: createQueryCharges({ ...parts, priceOf: prices.priceOf, isReadOnly }),
    spend: createSpendGuard({ ...parts, priceOf: prices.priceOf, caps: options.spend, resume }),
  };
}
