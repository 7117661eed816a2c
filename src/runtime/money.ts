import type { Catalog } from '../catalog/catalog.ts';
import type { Clock } from '../domain/clock.ts';
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

export interface MoneyParts extends Pick<SpendGuardParts, 'resume'> {
  readonly options: ResolvedOptions;
  readonly prices: PriceBook;
  readonly catalog: () => Promise<Catalog>;
  readonly clock: Clock;
  readonly hub: EventHub;
}

export function createMoney({ options, prices, resume, ...parts }: MoneyParts): Money {
  const isReadOnly = options.access === 'readOnly';
  return {
    prices,
    queries: createQueryCharges({ ...parts, priceOf: prices.priceOf, isReadOnly }),
    spend: createSpendGuard({ ...parts, caps: options.spend, resume }),
  };
}
