import { assign, setup } from 'xstate';
import { type BackoffSettings, backoffMs, type Failure } from './failure.ts';

/*
 * One provider account's standing: everything that is sent with one key to one host. The full table is in SPEC.md.
 *
 *   available ──rate limit, or a failure that may pass──▶ throttled ──wait──▶ available
 *       │ auth, quota, or too many failures in a row        │ the same
 *       ▼                                                   ▼
 *   unavailable ◀──────────────────────probe failed── probing { waiting ──probe began──▶ asking }
 *       └──wait──▶ probing                                     asking ──probe succeeded──▶ available
 *
 * It sends nothing: whoever sends requests asks it whether they may go and tells it how they ended. What it is told carries
 * the time and a number for the jitter of waits, since a machine has neither.
 */

/** How patient a provider's actor is. */
export interface ProviderSettings {
  /** Waits of an open circuit. */
  readonly backoff: BackoffSettings;
  /** The same after what somebody has to mend: our key, our quota. */
  readonly outage: BackoffSettings;
  /** Pauses of a provider that limits our rate and does not say for how long; after `failuresMax` in a row the circuit opens. */
  readonly pause: BackoffSettings;
  /** Pauses after a failure that may pass by itself: a connection reset, a 503. The same. */
  readonly blip: BackoffSettings;
  /** Longer pauses are not sat out by those who wait: the circuit opens. */
  readonly pauseMsMax: number;
}

export const DEFAULT_PROVIDER_SETTINGS: ProviderSettings = {
  backoff: { firstMs: 1_000, maxMs: 60_000, failuresMax: Number.MAX_SAFE_INTEGER },
  outage: { firstMs: 1_000, maxMs: 300_000, failuresMax: Number.MAX_SAFE_INTEGER },
  pause: { firstMs: 1_000, maxMs: 30_000, failuresMax: 6 },
  blip: { firstMs: 400, maxMs: 5_000, failuresMax: 3 },
  pauseMsMax: 60_000,
};

/** What a provider's actor is started with. */
export interface ProviderInput {
  /** `openai`, or the server's host. */
  readonly provider: string;
  readonly settings: ProviderSettings;
}

/** What the machine remembers; JSON-safe. */
export interface ProviderContext extends ProviderInput {
  /** Why it is not available, or was not until lately. */
  readonly failure: Failure | undefined;
  /** When that failure was seen, in Unix milliseconds. */
  readonly failedAtMs: number | undefined;
  /** Failures in a row that led to a pause; forgotten with the first request that succeeds afterwards. */
  readonly pauseCount: number;
  /** Times in a row that the circuit opened. */
  readonly openCount: number;
  /** How long the present wait is, and until when; `undefined` while nothing is waited for. */
  readonly waitMs: number;
  readonly waitUntilMs: number | undefined;
}

/** How a request failed for which the provider is to blame, with the time and a number from 0 to below 1. */
export interface FailedRequest {
  readonly failure: Failure;
  readonly atMs: number;
  readonly chance: number;
}

export type ProviderEvent =
  /** A request was answered: with vectors, or with a refusal of its texts. */
  | { readonly type: 'request.succeeded' }
  | ({ readonly type: 'request.failed' } & FailedRequest)
  /** The one request that finds out whether the provider is back is on its way. */
  | { readonly type: 'probe.began' }
  | { readonly type: 'probe.succeeded' }
  | ({ readonly type: 'probe.failed' } & FailedRequest)
  /** Whoever asked has given up: the next request is the probe. */
  | { readonly type: 'probe.abandoned' }
  /** Somebody asks that it be tried now. */
  | { readonly type: 'provider.retry' };

export type ProviderTag = 'ready' | 'busy' | 'error';

/** Far above the longest chain of transitions that one event sets off (two). */
const MICROSTEPS_MAX = 100;

/**
 * - `rate`: it answers, and wants fewer requests;
 * - `blip`: it failed in a way that may pass by itself;
 * - `outage`: it will fail every request until somebody does something.
 */
export type FaultKind = 'rate' | 'blip' | 'outage';

export function faultKind({ code, retryable }: Failure): FaultKind {
  if (code === 'PROVIDER_RATE_LIMITED') return 'rate';
  return retryable ? 'blip' : 'outage';
}

function pauseSettings({ settings }: ProviderContext, failure: Failure): BackoffSettings {
  return faultKind(failure) === 'rate' ? settings.pause : settings.blip;
}

/** Whether a failure opens the circuit, rather than being sat out. */
function opensCircuit(context: ProviderContext, failure: Failure): boolean {
  if (faultKind(failure) === 'outage') return true;
  if ((failure.retryAfterMs ?? 0) > context.settings.pauseMsMax) return true;
  return context.pauseCount + 1 >= pauseSettings(context, failure).failuresMax;
}

const failedParams = ({ event }: { event: FailedRequest }): FailedRequest => ({
  failure: event.failure,
  atMs: event.atMs,
  chance: event.chance,
});
const opens = { type: 'opensCircuit', params: failedParams } as const;
const open = { type: 'openCircuit', params: failedParams } as const;
const pause = { type: 'pause', params: failedParams } as const;

export const providerSetup = setup({
  types: {
    context: {} as ProviderContext,
    events: {} as ProviderEvent,
    input: {} as ProviderInput,
    tags: {} as ProviderTag,
  },
  actions: {
    pause: assign(({ context }, { failure, atMs, chance }: FailedRequest) => {
      const pauseCount = context.pauseCount + 1;
      const waitMs = backoffMs(pauseCount, failure, pauseSettings(context, failure), () => chance);
      return { failure, failedAtMs: atMs, pauseCount, waitMs, waitUntilMs: atMs + waitMs };
    }),
    /** One that was under way when the pause began asks for a longer one. */
    lengthenPause: assign((_, { failure, atMs }: FailedRequest) => {
      const waitMs = failure.retryAfterMs ?? 0;
      return { failure, failedAtMs: atMs, waitMs, waitUntilMs: atMs + waitMs };
    }),
    openCircuit: assign(({ context }, { failure, atMs, chance }: FailedRequest) => {
      const openCount = context.openCount + 1;
      const { backoff, outage } = context.settings;
      const waits = faultKind(failure) === 'outage' ? outage : backoff;
      const waitMs = backoffMs(openCount, failure, waits, () => chance);
      return { failure, failedAtMs: atMs, openCount, waitMs, waitUntilMs: atMs + waitMs };
    }),
    /** Others are answered: the failures are not in a row. */
    countPausesAnew: assign({ pauseCount: 0 }),
    endWait: assign({ waitMs: 0, waitUntilMs: undefined }),
    /** It answered once; how long the next wait is depends on what follows. */
    closeCircuit: assign({ failure: undefined, failedAtMs: undefined, pauseCount: 0 }),
    forgetFailures: assign({ failure: undefined, failedAtMs: undefined, pauseCount: 0, openCount: 0 }),
  },
  guards: {
    opensCircuit: ({ context }, { failure }: FailedRequest) => opensCircuit(context, failure),
    /** Of those that were under way already: they count as one failure. */
    isOutageOrLong: ({ context }, { failure }: FailedRequest) =>
      faultKind(failure) === 'outage' || (failure.retryAfterMs ?? 0) > context.settings.pauseMsMax,
    asksForLonger: ({ context }, { failure, atMs }: FailedRequest) =>
      atMs + (failure.retryAfterMs ?? 0) > (context.waitUntilMs ?? 0),
  },
  delays: { wait: ({ context }) => context.waitMs },
});

/** See the head of this file and SPEC.md. */
export const providerMachine = providerSetup.createMachine({
  id: 'provider',
  context: ({ input }) => ({
    ...input,
    failure: undefined,
    failedAtMs: undefined,
    pauseCount: 0,
    openCount: 0,
    waitMs: 0,
    waitUntilMs: undefined,
  }),
  initial: 'available',
  options: { maxIterations: MICROSTEPS_MAX },
  states: {
    available: {
      tags: 'ready',
      on: {
        'request.succeeded': { actions: 'forgetFailures' },
        'request.failed': [
          { guard: opens, target: 'unavailable', actions: open },
          { target: 'throttled', actions: pause },
        ],
      },
    },

    /** Nothing is sent; those who wait go on waiting. */
    throttled: {
      tags: 'busy',
      after: { wait: 'available' },
      exit: 'endWait',
      on: {
        'request.succeeded': { actions: 'countPausesAnew' },
        'request.failed': [
          { guard: { type: 'isOutageOrLong', params: failedParams }, target: 'unavailable', actions: open },
          {
            guard: { type: 'asksForLonger', params: failedParams },
            target: 'throttled',
            reenter: true,
            actions: { type: 'lengthenPause', params: failedParams },
          },
        ],
        'provider.retry': 'available',
      },
    },

    /** The circuit is open: nothing is sent, and those who ask are told why. */
    unavailable: {
      tags: 'error',
      after: { wait: 'probing' },
      exit: 'endWait',
      on: { 'provider.retry': 'probing' },
    },

    /** The next request goes alone, and decides. */
    probing: {
      tags: 'error',
      initial: 'waiting',
      states: {
        waiting: { on: { 'probe.began': 'asking' } },
        asking: {
          on: {
            'probe.succeeded': { target: '#provider.available', actions: 'closeCircuit' },
            'probe.failed': { target: '#provider.unavailable', actions: open },
            'probe.abandoned': 'waiting',
          },
        },
      },
    },
  },
});
