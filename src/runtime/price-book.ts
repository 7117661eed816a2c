import type { Price } from '../domain/cost.ts';
import { SynclineError } from '../domain/errors.ts';
import type { Embedder } from '../embedders/embedder.ts';

/** Prices of models that are not known here, or that you pay otherwise: by `provider/model`, as profiles name them. */
export type PriceOptions = Readonly<Record<string, Price>>;

/** Who embeds, as far as a price depends on it. */
export interface PricedModel {
  readonly provider: string;
  readonly model: string;
}

/** What models cost. */
export interface PriceBook {
  /** `undefined` where it is not known; it is never guessed. */
  priceOf(model: PricedModel): Price | undefined;
}

/**
 * @param embedders - An embedder may know its own price.
 * @param knownPrice - The prices of models that are known.
 */
export function createPriceBook(
  given: PriceOptions,
  embedders: readonly Embedder[],
  knownPrice: (provider: string, model: string) => Price | undefined,
): PriceBook {
  const prices = new Map(
    Object.entries(given).map(([name, price]) => [name, readPrice(name, price)] as const),
  );
  return {
    priceOf: ({ provider, model }) =>
      prices.get(`${provider}/${model}`) ??
      embedders.find((one) => one.provider === provider && one.model === model)?.price ??
      knownPrice(provider, model),
  };
}

/** @throws SynclineError `INVALID_OPTION`. */
function readPrice(name: string, price: Price): Price {
  const { usdPerMillionTokens, batchUsdPerMillionTokens = 0, source, asOf } = price;
  const isMoney = (value: unknown): boolean =>
    typeof value === 'number' && Number.isFinite(value) && value >= 0 && value <= USD_PER_MILLION_TOKENS_MAX;
  if (!name.includes('/')) throw invalidPrice(name, 'is not named provider/model');
  if (!isMoney(usdPerMillionTokens) || !isMoney(batchUsdPerMillionTokens))
    throw invalidPrice(name, `has no usdPerMillionTokens from 0 to ${USD_PER_MILLION_TOKENS_MAX}`);
  if (typeof source !== 'string' || source === '' || !/^\d{4}-\d{2}(-\d{2})?$/.test(asOf ?? ''))
    throw invalidPrice(name, 'does not say where it was read (source) and when (asOf, such as 2026-11)');
  return price;
}

/** Above what anybody takes; keeps sums of money exact. */
const USD_PER_MILLION_TOKENS_MAX = 1_000;

function invalidPrice(name: string, reason: string): SynclineError {
  return new SynclineError(
    'INVALID_OPTION',
    `The price "${name.slice(0, 80)}" ${reason}. Give { "provider/model": { usdPerMillionTokens, source, asOf } }.`,
    { details: { option: 'prices' } },
  );
}
