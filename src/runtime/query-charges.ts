import type { Catalog, ConfigurationRecord, QueryCharge } from '../catalog/catalog.ts';
import type { Clock } from '../domain/clock.ts';
import { toSynclineError } from '../domain/errors.ts';
import { estimateTokens, loadTokenizer } from '../pipeline/estimate-tokens.ts';
import type { EventHub } from './events.ts';
import type { PriceBook } from './price-book.ts';

/** A query that was embedded. */
export interface AnsweredQuery {
  readonly datasetId: number;
  readonly configuration: Pick<ConfigurationRecord, 'profile' | 'profileId'>;
  readonly text: string;
  readonly tokensCharged: number | undefined;
  readonly durationMs: number;
}

/** Charges what was searched for, a little later and many at once: no search waits for it, or fails because of it. */
export interface QueryCharges {
  note(query: AnsweredQuery): void;
  /** Charges what was noted so far; what cannot be charged now is tried again with the next ones. */
  flush(): Promise<void>;
  /** The last time. */
  close(): Promise<void>;
}

export interface QueryChargesParts {
  readonly catalog: () => Promise<Catalog>;
  readonly clock: Clock;
  readonly hub: EventHub;
  readonly priceOf: PriceBook['priceOf'];
  /** A runtime that only looks charges nothing. */
  readonly isReadOnly: boolean;
}

/** How long a query waits to be charged: at most so much is lost in a crash. */
const DELAY_MS = 1_000;
/** Queries that wait, each with its text, before they are charged without waiting longer. */
const QUERIES_MAX = 200;

export function createQueryCharges({
  catalog,
  clock,
  hub,
  priceOf,
  ...parts
}: QueryChargesParts): QueryCharges {
  let noted: AnsweredQuery[] = [];
  /** Were sent, and it is not known whether they are charged: they go again with the same ids. */
  let sent: QueryCharge[] = [];
  let callOff: (() => void) | undefined;
  let flushing: Promise<void> = Promise.resolve();

  const charge = async (): Promise<void> => {
    callOff?.();
    callOff = undefined;
    if (sent.length === 0) {
      if (noted.some(({ tokensCharged }) => tokensCharged === undefined)) await loadTokenizer();
      sent = chargesOf(noted, priceOf, clock.newId);
      noted = [];
    }
    if (sent.length === 0) return;
    try {
      await (await catalog()).chargeQueries(sent);
      sent = [];
    } catch (error) {
      const { code, message } = toSynclineError(error);
      const queries = sent.reduce((sum, { requestCount }) => sum + requestCount, 0);
      hub.emit({ type: 'queries.notCharged', queries, code, message });
    }
  };
  const flush = (): Promise<void> => {
    flushing = flushing.then(charge);
    return flushing;
  };

  return {
    note(query) {
      if (parts.isReadOnly) return;
      noted.push(query);
      // While the catalog does not answer, the oldest are let go of: memory is bounded, and a search more important.
      if (noted.length > QUERIES_MAX * 10) noted.splice(0, QUERIES_MAX);
      if (noted.length === QUERIES_MAX) void flush();
      else callOff ??= clock.setTimer(DELAY_MS, () => void flush());
    },
    flush,
    async close() {
      await flush();
      if (noted.length > 0 && sent.length === 0) await flush();
      callOff?.();
    },
  };
}

/** One charge for the queries of a dataset under a profile. */
function chargesOf(
  queries: readonly AnsweredQuery[],
  priceOf: PriceBook['priceOf'],
  newId: () => string,
): QueryCharge[] {
  const charges = new Map<string, QueryCharge>();
  for (const { datasetId, configuration, text, tokensCharged, durationMs } of queries) {
    const { profile, profileId } = configuration;
    const isEstimated = tokensCharged === undefined;
    const name = `${datasetId} ${profileId} ${isEstimated}`;
    const before = charges.get(name);
    charges.set(name, {
      requestId: before?.requestId ?? newId(),
      datasetId,
      profileId,
      mode: 'query',
      requestCount: (before?.requestCount ?? 0) + 1,
      textCount: (before?.textCount ?? 0) + 1,
      tokenCount: (before?.tokenCount ?? 0) + (tokensCharged ?? estimateTokens(text)),
      isEstimated,
      usdPerMillionTokens: priceOf(profile)?.usdPerMillionTokens,
      durationMs: (before?.durationMs ?? 0) + durationMs,
      isInRun: false,
    });
  }
  return [...charges.values()];
}
