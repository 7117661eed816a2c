/** How texts came to a provider: documents directly, documents through its batch API, or what was searched for. */
export type CostMode = 'direct' | 'batch' | 'query';

/** What a provider takes for a million tokens, and where that was read. */
export interface Price {
  readonly usdPerMillionTokens: number;
  /** For texts that go through the provider's batch API; absent where it is not known. */
  readonly batchUsdPerMillionTokens?: number;
  /** Where that was read. */
  readonly source: string;
  /** When, as `YYYY-MM` or `YYYY-MM-DD`. */
  readonly asOf: string;
}

/** What is charged for an answer of a provider. */
export interface Charge {
  /** The same for the same answer, also when it is stored again: it is counted once. */
  readonly requestId: string;
  readonly datasetId: number;
  readonly mode: CostMode;
  readonly requestCount: number;
  readonly textCount: number;
  readonly tokenCount: number;
  /** The tokenizer counted, because the provider did not say. */
  readonly isEstimated: boolean;
  /** `undefined` where it is not known. */
  readonly usdPerMillionTokens: number | undefined;
  /** How long the requests took, all together. */
  readonly durationMs: number;
  /** It counts in the dataset's run that is under way; there is a cap on that. */
  readonly isInRun: boolean;
}

/** 10^-12 US dollars: the unit in which money is added up, so that sums are exact. */
const PICO_PER_USD = 1e12;
const TOKENS_PER_PRICE = 1e6;

/** The cost of one token in 10^-12 US dollars; `null` where the price is not known. */
export function picoUsdPerToken(usdPerMillionTokens: number | undefined): number | null {
  if (usdPerMillionTokens === undefined) return null;
  return Math.round((usdPerMillionTokens * PICO_PER_USD) / TOKENS_PER_PRICE);
}

/** The price of a mode; `undefined` where it is not known. */
export function priceIn(mode: CostMode, price: Price | undefined): number | undefined {
  return mode === 'batch' ? price?.batchUsdPerMillionTokens : price?.usdPerMillionTokens;
}

/** What tokens cost. */
export function usdOf(tokenCount: number, usdPerMillionTokens: number): number {
  return (tokenCount * usdPerMillionTokens) / TOKENS_PER_PRICE;
}

const DAY_MS = 86_400_000;

/** `2026-11-26` of days since 1970-01-01, UTC. */
export function dayName(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** Days since 1970-01-01, UTC, of Unix milliseconds. */
export function dayOf(atMs: number): number {
  return Math.floor(atMs / DAY_MS);
}
