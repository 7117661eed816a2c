import type { Charge, CostMode } from '../domain/cost.ts';

/* The part of the catalog that keeps what embedding costs; `Catalog` and `CatalogWriter` include it. */

/** What rows of the ledger can be put together by. */
export type CostGrouping = 'day' | 'dataset' | 'profile' | 'mode';

export interface CostQuery {
  /** One record for each; several make a record for each combination. None: one record for all. */
  readonly by: readonly CostGrouping[];
  /** Days since 1970-01-01, UTC; both included. */
  readonly fromDay?: number;
  readonly toDay?: number;
  readonly datasetId?: number;
  readonly limit: number;
}

/** Sums of the ledger. */
export interface CostSums {
  readonly requestCount: number;
  readonly textCount: number;
  readonly tokenCount: number;
  /** Of these, those that the tokenizer counted because the provider did not say. */
  readonly estimatedTokenCount: number;
  /** Of these, those whose price was not known: they are not in `costUsd`. */
  readonly unpricedTokenCount: number;
  readonly costUsd: number;
  /** Of all requests together, however many ran at the same time. */
  readonly durationMs: number;
  /** Chunks that became ready without a request, because their text had a vector. */
  readonly reusedTextCount: number;
  readonly reusedTokenCount: number;
  /** Of these, those whose price was not known: they are not in `savedUsd`. */
  readonly unpricedReusedTokenCount: number;
  readonly savedUsd: number;
}

/** Sums with what they are of, as far as they were grouped by it. */
export interface CostRecord extends CostSums {
  readonly day: number | undefined;
  readonly datasetId: number | undefined;
  /** `project/dataset`, also of one that is gone. */
  readonly address: string | undefined;
  /** As `profileKey()` renders it. */
  readonly profile: string | undefined;
  readonly mode: CostMode | undefined;
}

/** What was spent, by the catalog's clock. */
export interface SpentToday {
  /** Days since 1970-01-01, UTC. */
  readonly day: number;
  /** Until the next day begins. */
  readonly msLeft: number;
  readonly spentUsd: number;
}

/** A dataset that waits because a spend cap was reached. */
export interface SpendHold {
  readonly datasetId: number;
  readonly cap: 'day' | 'run';
  readonly usdMax: number;
  /** What counted against the cap then, with what was under way. */
  readonly spentUsd: number;
  readonly reachedAtMs: number;
  /** When the cap ends by itself; `undefined` where somebody has to let the dataset go on. */
  readonly untilMs: number | undefined;
}

/** A hold as it is kept, also after its worker has ended. */
export interface StoredSpendHold extends SpendHold {
  /** `project/dataset`. */
  readonly address: string;
  /** Some text of it still has no vector. */
  readonly hasPendingTexts: boolean;
}

/** A text without a vector. */
export interface MissingText {
  /** Of the first chunk with this text. */
  readonly chunkId: number;
  readonly tokenCount: number;
}

export interface CostReads {
  /** Newest days first, then by dataset, profile and mode. */
  listCosts(query: CostQuery): Promise<CostRecord[]>;
  /** Of all datasets together. */
  spentToday(): Promise<SpentToday>;
  /**
   * The distinct texts of a configuration that have no vector, by the first of their chunks, ascending; without those that are
   * in a batch job, and those whose document has to be cut anew.
   */
  listMissingTexts(
    configurationId: number,
    page: { readonly status: 'pending' | 'failed'; readonly afterChunkId: number; readonly limit: number },
  ): Promise<MissingText[]>;
  /** The datasets that waited when their worker looked last; newest first, at most 1,000. */
  listSpendHolds(): Promise<StoredSpendHold[]>;
  /** What a dataset's run has cost so far. */
  runCostUsd(datasetId: number): Promise<number>;
  /**
   * Charges what was searched for. Takes no lease: whoever searches need not be the worker, and a charge cannot be in the way
   * of another.
   */
  chargeQueries(charges: readonly QueryCharge[]): Promise<void>;
}

/** A charge with the profile whose vectors were asked for. */
export interface QueryCharge extends Charge {
  readonly profileId: number;
}

export interface CostWrites {
  /** A new run of a dataset begins: nothing was spent in it yet. */
  beginRun(datasetId: number): Promise<void>;
  /** Replaces what was noted of the dataset. */
  noteSpendHold(hold: SpendHold): Promise<void>;
  endSpendHold(datasetId: number): Promise<void>;
}

/** How vectors came to be stored. */
export interface StoreOptions {
  /** What their provider's answer cost, charged in the same transaction; nothing for vectors that cost nothing. */
  readonly charge?: Charge;
  /** The price of a text that is not embedded because its vector is there; for telling what that saved. */
  readonly usdPerMillionTokens?: number | undefined;
}
