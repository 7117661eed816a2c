import type { Random } from './random.ts';

/** The ports of a runtime, by what goes wrong at them. */
export type Port = 'catalog' | 'store' | 'embedder' | 'batch' | 'source';

/** How likely a call at a port goes wrong, and how. */
export interface PortFaults {
  /** It fails and nothing was done. */
  readonly before: number;
  /** It is done, and its answer is lost. */
  readonly after: number;
}

/** What one seed puts a runtime through. Each seed has only some kinds of trouble, so that they do not hide each other. */
export interface FaultPlan {
  readonly ports: Readonly<Record<Port, PortFaults>>;
  /** Of all calls, those that take long. */
  readonly slow: number;
  /** Longest time such a call takes, in milliseconds. */
  readonly slowMsMax: number;
  /** Of the picks that complete a call, those that let it take effect while its answer is still on its way. */
  readonly split: number;
  /** Of all steps, those in which time goes on although calls are waiting. */
  readonly timePasses: number;
  /** Whether calls to the catalog take effect in the order in which a process makes them, as in a local file, or in any, as on a server. */
  readonly catalogInOrder: boolean;
  /** Weights of the ways in which a user's action is the end of a process, or its long sleep. */
  readonly crash: number;
  readonly freeze: number;
  /** Embedding requests that are refused for no reason of their texts. */
  readonly flakyRefusals: number;
  /** Weight of damage to a table's folder. */
  readonly damage: number;
  /** What goes wrong with jobs at the provider; `undefined` where there are none. */
  readonly batch: BatchFaults | undefined;
  /** What goes wrong with what a source gives; `undefined` where there is none. */
  readonly source: SourceFaults | undefined;
}

/** Shares of jobs. */
export interface BatchFaults {
  /** Not taken because too much is enqueued: at once, or when they are looked at. */
  readonly full: number;
  /** Not taken as they are: at once, or when they are looked at. */
  readonly refused: number;
  /** Expired half-way. */
  readonly expired: number;
  /** At work until all trouble ends, or until they are cancelled. */
  readonly stuck: number;
  /** Completed, but their results are gone. */
  readonly lost: number;
  /** Of the lines of results: doubled, missing, cut, of another job, or in disorder. */
  readonly lines: number;
}

/** Shares of what is read. */
export interface SourceFaults {
  /** Of the readings of everything, those that break off half-way. */
  readonly brokenOff: number;
  /** Of the records, those that come twice. */
  readonly twice: number;
  /** Of the records, those that cannot become documents, as long as the trouble lasts; of some it is not known which they are. */
  readonly refused: number;
}

/** A call of a user is some forty calls to the catalog: at higher rates hardly any is ever confirmed. */
const CATALOG_RATES = [0, 0, 0.002, 0.005, 0.02] as const;
const RATES = [0, 0, 0.02, 0.06, 0.15] as const;

/** Seeds with batch jobs, and seeds with sources. */
const BATCH_SHARE = 0.5;
const SOURCE_SHARE = 0.4;

/**
 * The plan of a seed.
 *
 * @param besides - Draws what only some seeds have: those without are not touched by it.
 */
export function drawFaults(random: Random, besides: Random): FaultPlan {
  const port = (rates: readonly number[]): PortFaults => ({
    before: random.pick(rates),
    after: random.pick(rates),
  });
  return {
    ports: { catalog: port(CATALOG_RATES), store: port(RATES), embedder: port(RATES), ...drawPorts(besides) },
    slow: random.pick([0, 0.01, 0.05]),
    slowMsMax: random.pick([500, 5_000, 60_000]),
    split: random.pick([0, 0.2, 0.5]),
    timePasses: random.pick([0.01, 0.05]),
    catalogInOrder: random.chance(0.5),
    crash: random.pick([0, 0.3, 1]),
    freeze: random.pick([0, 0, 0.5, 1]),
    flakyRefusals: random.pick([0, 0, 0.05]),
    damage: random.pick([0, 0, 1]),
    batch: besides.chance(BATCH_SHARE) ? drawBatchFaults(besides) : undefined,
    source: besides.chance(SOURCE_SHARE) ? drawSourceFaults(besides) : undefined,
  };
}

function drawPorts(random: Random): Pick<FaultPlan['ports'], 'batch' | 'source'> {
  const port = (): PortFaults => ({ before: random.pick(RATES), after: random.pick(RATES) });
  return { batch: port(), source: { before: random.pick([0, 0, 0.02, 0.1]), after: 0 } };
}

const SHARES = [0, 0, 0.1, 0.3] as const;

function drawBatchFaults(random: Random): BatchFaults {
  return {
    full: random.pick(SHARES),
    refused: random.pick(SHARES),
    expired: random.pick(SHARES),
    stuck: random.pick(SHARES),
    lost: random.pick(SHARES),
    lines: random.pick([0, 0, 0.1, 0.4]),
  };
}

function drawSourceFaults(random: Random): SourceFaults {
  return {
    brokenOff: random.pick([0, 0.2, 0.5]),
    twice: random.pick([0, 0, 0.1]),
    refused: random.pick([0, 0, 0.05]),
  };
}
