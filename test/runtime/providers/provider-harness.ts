import type { BatchApi } from '../../../src/batch/batch-api.ts';
import { SynclineError, throwIfAborted } from '../../../src/domain/errors.ts';
import type { Embedder, EmbedderLimits, EmbedOptions, EmbedResult } from '../../../src/embedders/embedder.ts';
import { createEventHub, type SynclineEvent } from '../../../src/runtime/events.ts';
import { createInspection } from '../../../src/runtime/inspection.ts';
import { createProviderFleet, type ProviderFleet } from '../../../src/runtime/providers/fleet.ts';
import { createHandClock, type HandClock, settle } from '../../support/clocks.ts';

/** One request that the provider was sent, to be answered by the test. */
export interface SentRequest {
  readonly texts: readonly string[];
  readonly datasetId: number | undefined;
  readonly purpose: string;
  readonly atMs: number;
  answer(more?: Partial<EmbedResult>): Promise<void>;
  fail(error: SynclineError): Promise<void>;
}

export interface ProviderHarness {
  readonly clock: HandClock;
  readonly fleet: ProviderFleet;
  readonly events: SynclineEvent[];
  readonly woken: number[];
  /** All requests that were sent, oldest first. */
  readonly sent: SentRequest[];
  /** Asks for vectors as a dataset does, or as a query. */
  ask(texts: readonly string[], options?: Partial<EmbedOptions>): Promise<EmbedResult>;
  /** The same, and nobody waits for the answer. */
  askAside(texts: readonly string[], options?: Partial<EmbedOptions>): void;
  /** The provider's batch API, as jobs use it. */
  readonly batch: BatchApi | undefined;
  state(): string;
}

const LIMITS: EmbedderLimits = {
  itemsPerRequestMax: 16,
  tokensPerItemMax: 8_000,
  tokensPerRequestMax: 100_000,
  requestsInFlightMax: 4,
};

export interface HarnessOptions {
  readonly batch?: BatchApi;
  readonly limits?: Partial<EmbedderLimits>;
  /** Answers each request by itself; without it the test does. */
  readonly answers?: (request: SentRequest) => void;
}

/** A provider fleet over a provider that does what the test says, with a clock that stands still. */
export function startProvider({ limits = {}, answers, batch }: HarnessOptions = {}): ProviderHarness {
  const clock = createHandClock();
  const hub = createEventHub(clock.nowMs);
  const events: SynclineEvent[] = [];
  hub.on((event) => events.push(event));
  const woken: number[] = [];
  const sent: SentRequest[] = [];
  const fleet = createProviderFleet({
    clock,
    hub,
    inspection: createInspection(),
    onStanding: () => undefined,
    wake: (datasetId) => woken.push(datasetId),
  });
  const embedder: Embedder = {
    provider: 'test',
    model: 'model',
    dimensions: 1,
    limits: { ...LIMITS, ...limits },
    ...(batch && { batch }),
    embed(texts, { signal, datasetId, purpose }) {
      const { promise, resolve, reject } = Promise.withResolvers<EmbedResult>();
      const request: SentRequest = {
        texts,
        datasetId,
        purpose,
        atMs: clock.nowMs(),
        async answer(more) {
          resolve({ vectors: texts.map(() => Float32Array.of(1)), tokensCharged: undefined, ...more });
          await settle();
        },
        async fail(error) {
          reject(error);
          await settle();
        },
      };
      signal?.addEventListener('abort', () => {
        try {
          throwIfAborted(signal);
        } catch (error) {
          reject(error);
        }
      });
      sent.push(request);
      answers?.(request);
      return promise;
    },
  };
  const governed = fleet.govern(embedder);
  const ask: ProviderHarness['ask'] = (texts, options) =>
    governed.embed(texts, { purpose: 'document', datasetId: 1, ...options });
  return {
    clock,
    fleet,
    events,
    woken,
    sent,
    batch: governed.batch,
    ask,
    askAside: (texts, options) => void ask(texts, options).catch(() => undefined),
    state: () => fleet.list()[0]?.state ?? 'none',
  };
}

export const rateLimited = (retryAfterMs?: number) =>
  new SynclineError('PROVIDER_RATE_LIMITED', 'Slower.', {
    retryable: true,
    details: retryAfterMs === undefined ? {} : { retryAfterMs },
  });
export const failing = (status = 500) =>
  new SynclineError('PROVIDER_FAILED', 'It failed.', { retryable: true, details: { status } });
export const noQuota = () => new SynclineError('PROVIDER_QUOTA', 'The quota is used up.');
export const refused = () =>
  new SynclineError('EMBEDDING_REQUEST_REFUSED', 'No.', { details: { status: 400 } });
