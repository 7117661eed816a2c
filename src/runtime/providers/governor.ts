import type { Actor, AnyActor } from 'xstate';
import { toFailure } from '../../actors/failure.ts';
import { faultKind, type ProviderEvent, type providerMachine } from '../../actors/provider-machine.ts';
import type { Clock } from '../../domain/clock.ts';
import { type SynclineError, throwIfAborted, toSynclineError } from '../../domain/errors.ts';
import type { Embedder, EmbedOptions, EmbedResult, RateLimitReport } from '../../embedders/embedder.ts';
import { type Consumer, createFairQueue, type FairQueue } from './fair-queue.ts';
import { createInFlightBound, type InFlightBound } from './in-flight-bound.ts';
import { createModelRates, type ModelRates, type Spending } from './model-rates.ts';
import {
  abortedError,
  circuitError,
  isProviderFault,
  queueFull,
  refusedByFailing,
  tooLongForQuery,
} from './provider-errors.ts';
import { createSuspects, type Suspects } from './suspects.ts';

/** Requests that wait for one provider, at most: more would only hold their texts. */
const WAITING_MAX = 1_000;
const QUERIES_WAITING_MAX = 200;
/** A person waits for a query: what takes longer is told at once. */
const QUERY_WAIT_MS_MAX = 5_000;
/** Sent in the place of a request that may itself be what the provider fails at. */
const PROBE_TEXT = 'probe';

export interface GovernorParts {
  readonly actor: Actor<typeof providerMachine>;
  readonly provider: string;
  readonly clock: Clock;
}

/** Everything that is sent to one provider account goes through one of these. */
export interface Governor {
  readonly id: string;
  readonly actor: AnyActor;
  readonly provider: string;
  /** Sends a request when its turn has come; once more after a failure that was sat out. Throws what `Embedder.embed` does. */
  embed(embedder: Embedder, texts: readonly string[], options: EmbedOptions): Promise<EmbedResult>;
  standing(): GovernorStanding;
  /** To be called when the actor has changed its state. */
  noteStateChange(): void;
  /** Ends all requests of a dataset at once, those that wait and those under way. */
  cancel(datasetId: number): void;
  /** Datasets that were told of an open circuit since it opened, the longest waiting first; empty afterwards if `all`. */
  takeWaiting(count: number): number[];
  stop(): void;
}

/** Numbers for whoever looks. */
export interface GovernorStanding {
  readonly inFlight: number;
  readonly inFlightMax: number;
  readonly waitingDocumentRequests: number;
  readonly waitingQueries: number;
  readonly requestCount: number;
  readonly lastAnswerAtMs: number | undefined;
  readonly rates: ReadonlyMap<string, ModelRates>;
}

/** A request that waits or is under way. */
interface Ticket {
  readonly embedder: Embedder;
  readonly texts: readonly string[];
  readonly options: EmbedOptions;
  readonly consumer: Consumer;
  readonly tokens: number;
  readonly rates: ModelRates;
  readonly answer: PromiseWithResolvers<EmbedResult>;
  /** Aborted by whoever asked, or by {@link Governor.cancel}. */
  readonly signal: AbortSignal;
  readonly cancel: AbortController;
  /** Nobody waits for it: it stands in for a request that may itself be at fault. */
  readonly isProof: boolean;
}

/** One governor: what waits, what is under way, and what was learned. */
interface Run extends GovernorParts {
  readonly queue: FairQueue<Ticket>;
  readonly bound: InFlightBound;
  readonly suspects: Suspects;
  readonly ratesByModel: Map<string, ModelRates>;
  /** Those that wait and those under way. */
  readonly tickets: Set<Ticket>;
  /** Datasets that were told of the open circuit. */
  readonly told: Set<number>;
  readonly stopped: AbortController;
  inFlight: number;
  requestCount: number;
  /** Requests answered with vectors. */
  answers: number;
  lastAnswerAtMs: number | undefined;
  callOffTimer: (() => void) | undefined;
  isPumping: boolean;
  pumpAgain: boolean;
}

export function createGovernor(parts: GovernorParts): Governor {
  const run: Run = {
    ...parts,
    queue: createFairQueue(),
    bound: createInFlightBound(),
    suspects: createSuspects(),
    ratesByModel: new Map(),
    tickets: new Set(),
    told: new Set(),
    stopped: new AbortController(),
    inFlight: 0,
    requestCount: 0,
    answers: 0,
    lastAnswerAtMs: undefined,
    callOffTimer: undefined,
    isPumping: false,
    pumpAgain: false,
  };
  const { actor, provider, queue, told } = run;
  return {
    id: actor.id,
    actor,
    provider,
    embed: (embedder, texts, options) => waitForAnswer(run, embedder, texts, options),
    standing: () => ({
      inFlight: run.inFlight,
      inFlightMax: run.bound.current(),
      waitingDocumentRequests: queue.size - queue.queries,
      waitingQueries: queue.queries,
      requestCount: run.requestCount,
      lastAnswerAtMs: run.lastAnswerAtMs,
      rates: run.ratesByModel,
    }),
    noteStateChange: () => pump(run),
    cancel(datasetId) {
      for (const { consumer, cancel } of [...run.tickets]) if (consumer === datasetId) cancel.abort();
    },
    takeWaiting(count) {
      const taken = [...told].slice(0, count);
      for (const datasetId of taken) told.delete(datasetId);
      return taken;
    },
    stop() {
      run.callOffTimer?.();
      run.stopped.abort();
      actor.stop();
      for (const ticket of queue.drain()) rejectByCircuit(run, ticket);
    },
  };
}

async function waitForAnswer(
  run: Run,
  embedder: Embedder,
  texts: readonly string[],
  options: EmbedOptions,
): Promise<EmbedResult> {
  const { queue, provider } = run;
  throwIfAborted(options.signal);
  const consumer: Consumer = options.purpose === 'query' ? 'query' : (options.datasetId ?? 0);
  if (queue.size >= WAITING_MAX || (consumer === 'query' && queue.queries >= QUERIES_WAITING_MAX))
    throw queueFull(provider, queue.size);
  const rates = run.ratesByModel.get(embedder.model) ?? createModelRates();
  run.ratesByModel.set(embedder.model, rates);
  run.bound.raiseCeiling(embedder.limits.requestsInFlightMax);
  const answer = Promise.withResolvers<EmbedResult>();
  const cancel = new AbortController();
  const signal =
    options.signal === undefined ? cancel.signal : AbortSignal.any([options.signal, cancel.signal]);
  const tokens = rates.estimateTokens(texts);
  const ticket = {
    embedder,
    texts,
    options,
    consumer,
    tokens,
    rates,
    answer,
    signal,
    cancel,
    isProof: false,
  };
  // One under way ends by itself: the embedder has the signal.
  const onAbort = (): void => {
    if (queue.remove(consumer, ticket)) answer.reject(abortedError(signal));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  run.tickets.add(ticket);
  queue.add(consumer, ticket);
  pump(run);
  try {
    return await answer.promise;
  } finally {
    run.tickets.delete(ticket);
    signal.removeEventListener('abort', onAbort);
  }
}

/** Sends what may go. What is sent may change the actor's state, which calls this again: then it looks once more. */
function pump(run: Run): void {
  run.pumpAgain = true;
  if (run.isPumping) return;
  run.isPumping = true;
  try {
    while (run.pumpAgain) {
      run.pumpAgain = false;
      while (sendNext(run));
    }
  } finally {
    run.isPumping = false;
  }
}

/** Sends the request whose turn it is, if one may go. Returns whether it did. */
function sendNext(run: Run): boolean {
  const { queue, suspects } = run;
  const ticket = queue.peek();
  const snapshot = run.actor.getSnapshot();
  if (ticket === undefined || snapshot.status !== 'active') return false;
  if (snapshot.matches('throttled')) {
    hurryQueries(run, waitLeftMs(run));
    return false;
  }
  if (snapshot.matches('unavailable')) {
    for (const one of queue.drain()) rejectByCircuit(run, one);
    return false;
  }
  if (snapshot.matches({ probing: 'asking' }) || run.inFlight >= run.bound.current()) return false;
  const waitMs = ticket.rates.waitMs(ticket.tokens, ticket.embedder.limits, run.clock.nowMs());
  if (waitMs > 0) {
    hurryQueries(run, waitMs);
    if (queue.size > 0) pumpLater(run, waitMs);
    return false;
  }
  const isProbe = snapshot.matches('probing');
  if (!suspects.needsProof(ticket.texts, run.answers)) {
    void send(run, queue.take() ?? ticket, isProbe);
    return true;
  }
  // Alone, also while the provider counts as available: the others wait for what comes of it.
  if (run.inFlight > 0) return false;
  void send(run, proofFor(run, ticket), isProbe);
  return true;
}

function pumpLater(run: Run, waitMs: number): void {
  run.callOffTimer?.();
  run.callOffTimer = run.clock.setTimer(waitMs, () => {
    run.callOffTimer = undefined;
    pump(run);
  });
}

async function send(run: Run, ticket: Ticket, isProbe: boolean): Promise<void> {
  const { embedder, texts, options, rates, signal } = ticket;
  run.inFlight += 1;
  run.requestCount += 1;
  const spending = rates.spend(ticket.tokens, run.clock.nowMs());
  if (isProbe) tell(run, { type: 'probe.began' });
  try {
    const result = await embedder.embed(texts, { ...options, signal });
    settle(run, ticket, spending, result);
    run.answers += 1;
    run.suspects.forget(texts);
    run.bound.noteSuccess();
    noteAnswer(run, isProbe);
    ticket.answer.resolve(result);
  } catch (thrown) {
    const error = toSynclineError(thrown);
    settle(run, ticket, spending, {
      tokensCharged: undefined,
      rateLimits: error.details.rateLimits as RateLimitReport | undefined,
    });
    handleFailure(run, ticket, error, isProbe);
  }
  pump(run);
}

function settle(
  run: Run,
  { rates, texts }: Ticket,
  spending: Spending,
  result: { readonly tokensCharged: number | undefined; readonly rateLimits?: RateLimitReport | undefined },
): void {
  run.inFlight -= 1;
  rates.settle(spending, texts, result.tokensCharged);
  if (result.rateLimits !== undefined) rates.note(result.rateLimits, run.clock.nowMs());
}

function noteAnswer(run: Run, isProbe: boolean): void {
  run.lastAnswerAtMs = run.clock.nowMs();
  tell(run, { type: isProbe ? 'probe.succeeded' : 'request.succeeded' });
}

function handleFailure(run: Run, ticket: Ticket, error: SynclineError, isProbe: boolean): void {
  const { suspects, clock } = run;
  const { signal } = ticket;
  if (signal.aborted || !isProviderFault(error)) {
    // It answered, if only to refuse; whoever gave up, or failed without asking anybody, says nothing of the provider.
    const hasAnswered = error.code.startsWith('EMBEDDING_') || error.code === 'PROVIDER_FAILED';
    if (hasAnswered && !signal.aborted) noteAnswer(run, isProbe);
    else if (isProbe) tell(run, { type: 'probe.abandoned' });
    ticket.answer.reject(signal.aborted ? abortedError(signal) : error);
    return;
  }
  const failure = toFailure(error);
  const kind = faultKind(failure);
  if (kind === 'blip' && !ticket.isProof) suspects.note(ticket.texts, run.answers);
  if (kind === 'blip' && suspects.isGuilty(ticket.texts, run.answers)) {
    suspects.forget(ticket.texts);
    if (isProbe) tell(run, { type: 'probe.abandoned' });
    ticket.answer.reject(refusedByFailing(run.provider, error));
    return;
  }
  const isOverload = kind === 'rate' || error.details.timedOut === true;
  // Of several that were under way and fail together the first counts.
  if (isOverload && run.actor.getSnapshot().matches('available')) run.bound.noteOverload();
  const facts = { failure, atMs: clock.nowMs(), chance: clock.random() };
  tell(run, { type: isProbe ? 'probe.failed' : 'request.failed', ...facts });
  if (!ticket.isProof) afterFault(run, ticket, error);
}

/** What becomes of a request that failed through no fault of its own: its turn comes again, unless the circuit is open. */
function afterFault(run: Run, ticket: Ticket, error: SynclineError): void {
  const snapshot = run.actor.getSnapshot();
  if (snapshot.matches('unavailable') || snapshot.status !== 'active') rejectByCircuit(run, ticket);
  else if (ticket.consumer === 'query' && waitLeftMs(run) > QUERY_WAIT_MS_MAX) ticket.answer.reject(error);
  else run.queue.putBack(ticket.consumer, ticket);
}

/** A word in the place of a request, to find out who is at fault. Whoever waits for the request hears nothing of it. */
function proofFor(run: Run, { embedder, rates }: Ticket): Ticket {
  const answer = Promise.withResolvers<EmbedResult>();
  answer.promise.catch(() => undefined);
  const cancel = run.stopped;
  return {
    embedder,
    texts: [PROBE_TEXT],
    options: { purpose: 'query' },
    consumer: 'query',
    tokens: 1,
    rates,
    answer,
    signal: cancel.signal,
    cancel,
    isProof: true,
  };
}

function rejectByCircuit(run: Run, { answer, consumer }: Ticket): void {
  if (consumer !== 'query') run.told.add(consumer);
  answer.reject(circuitError(run.provider, run.actor.getSnapshot().context.failure, waitLeftMs(run)));
}

/** Queries that would have to wait for longer than anybody waits are told so. */
function hurryQueries({ queue, provider }: Run, waitMs: number): void {
  if (waitMs <= QUERY_WAIT_MS_MAX || queue.queries === 0) return;
  for (const ticket of queue.drain(({ consumer }) => consumer === 'query'))
    ticket.answer.reject(tooLongForQuery(provider, waitMs));
}

function waitLeftMs({ actor, clock }: Run): number {
  return Math.max(0, (actor.getSnapshot().context.waitUntilMs ?? 0) - clock.nowMs());
}

/** One that was stopped hears nothing more; XState would warn. */
function tell({ actor }: Run, event: ProviderEvent): void {
  if (actor.getSnapshot().status === 'active') actor.send(event);
}
