import { Buffer } from 'node:buffer';
import type { EmbedderLimits, RateLimitReport } from '../../embedders/embedder.ts';
import { createAllowance } from './allowance.ts';
import { createRateWindow } from './rate-window.ts';

/** UTF-8 bytes of a token before a provider has said how many it counts: careful, as code and style sheets have few. */
const BYTES_PER_TOKEN_FIRST = 3;
/** How much one answer changes the estimate. */
const ESTIMATE_WEIGHT = 0.2;

/** What was spent on one request. */
export interface Spending {
  readonly tokens: number;
  readonly atMs: number;
}

/** Requests and tokens per minute of one model of one account: by the options, and by what the provider says. */
export interface ModelRates {
  /** Tokens that a request will count for, as far as can be told beforehand. */
  estimateTokens(texts: readonly string[]): number;
  waitMs(tokens: number, limits: EmbedderLimits, nowMs: number): number;
  spend(tokens: number, nowMs: number): Spending;
  /** Ends a request that was under way, with what it was charged where that is known. */
  settle(spending: Spending, texts: readonly string[], tokensCharged: number | undefined): void;
  note(report: RateLimitReport, nowMs: number): void;
  /** Learned from the provider, as far as it says. */
  learned(): { readonly requestsPerMinute: number | undefined; readonly tokensPerMinute: number | undefined };
}

export function createModelRates(): ModelRates {
  const requests = createRateWindow();
  const tokens = createRateWindow();
  const requestsLeft = createAllowance();
  const tokensLeft = createAllowance();
  let bytesPerToken = BYTES_PER_TOKEN_FIRST;
  let underWayRequests = 0;
  let underWayTokens = 0;
  return {
    estimateTokens: (texts) => Math.ceil(byteCount(texts) / bytesPerToken),
    waitMs(wanted, { requestsPerMinute, tokensPerMinute }, nowMs) {
      return Math.max(
        requestsPerMinute === undefined ? 0 : requests.waitMs(1, requestsPerMinute, nowMs),
        tokensPerMinute === undefined ? 0 : tokens.waitMs(wanted, tokensPerMinute, nowMs),
        requestsLeft.waitMs(1, underWayRequests, nowMs),
        tokensLeft.waitMs(wanted, underWayTokens, nowMs),
      );
    },
    spend(amount, atMs) {
      requests.spend(1, atMs);
      tokens.spend(amount, atMs);
      underWayRequests += 1;
      underWayTokens += amount;
      return { tokens: amount, atMs };
    },
    settle(spending, texts, tokensCharged) {
      underWayRequests -= 1;
      underWayTokens -= spending.tokens;
      if (tokensCharged === undefined || tokensCharged <= 0) return;
      tokens.correct(tokensCharged - spending.tokens, spending.atMs);
      const seen = byteCount(texts) / tokensCharged;
      bytesPerToken += (Math.min(8, Math.max(1, seen)) - bytesPerToken) * ESTIMATE_WEIGHT;
    },
    note(report, nowMs) {
      if (report.requests !== undefined) requestsLeft.note(report.requests, nowMs);
      if (report.tokens !== undefined) tokensLeft.note(report.tokens, nowMs);
    },
    learned: () => ({
      requestsPerMinute: requestsLeft.perMinute(),
      tokensPerMinute: tokensLeft.perMinute(),
    }),
  };
}

function byteCount(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text, 'utf8'), 0);
}
