import type { Actor } from 'xstate';
import { toFailure } from '../../actors/failure.ts';
import type { ProviderEvent, providerMachine } from '../../actors/provider-machine.ts';
import type { BatchApi, BatchCallOptions } from '../../batch/batch-api.ts';
import type { Clock } from '../../domain/clock.ts';
import { type SynclineError, throwIfAborted, toSynclineError } from '../../domain/errors.ts';
import { circuitError, isProviderFault } from './provider-errors.ts';

export interface BatchGateParts {
  readonly actor: Actor<typeof providerMachine>;
  readonly provider: string;
  readonly clock: Clock;
}

/**
 * - `proof`: its answer tells that the account is served again;
 * - `read`: the same, but not of a quota, which it does not need;
 * - `long`: it may take half an hour, for which a probe would hold up everybody.
 */
type CallKind = 'proof' | 'read' | 'long';

/** A call that may go, to be told how it ended. */
interface Pass {
  answered(): void;
  failed(thrown: unknown): void;
  /** Nobody waits for the end any more. */
  leave(): void;
}

/**
 * The same batch API, with the pauses and the circuit of its account: its calls wait out a pause, are refused while the circuit is
 * open, and count like direct requests when the provider fails or answers. They do not count against the limits of a minute.
 */
export function gateBatch(partsOf: () => BatchGateParts, api: BatchApi): BatchApi {
  const run = async <Result>(
    kind: CallKind,
    { signal }: BatchCallOptions,
    call: () => Promise<Result>,
  ): Promise<Result> => {
    const pass = await enter(partsOf(), kind, signal);
    try {
      const result = await call();
      pass.answered();
      return result;
    } catch (error) {
      pass.failed(error);
      throw error;
    }
  };
  const findFiles: BatchApi['findFiles'] = (name, options) =>
    run('read', options, () => api.findFiles(name, options));
  return {
    limits: api.limits,
    priceShare: api.priceShare,
    windowMs: api.windowMs,
    bytesOf: (request) => api.bytesOf(request),
    async upload(name, requests, options) {
      const { actor, clock } = partsOf();
      // Something quick finds out first.
      if (actor.getSnapshot().matches('probing'))
        await findFiles(name, { ...options, sinceMs: clock.nowMs() });
      return run('long', options, () => api.upload(name, requests, options));
    },
    findFiles,
    submit: (submission, options) => run('proof', options, () => api.submit(submission, options)),
    findJobs: (name, options) => run('read', options, () => api.findJobs(name, options)),
    look: (externalId, options) => run('read', options, () => api.look(externalId, options)),
    cancel: (externalId, options) => run('read', options, () => api.cancel(externalId, options)),
    async *results(job, textsOf, options) {
      const pass = await enter(partsOf(), 'read', options.signal);
      try {
        for await (const result of api.results(job, textsOf, options)) {
          pass.answered();
          yield result;
        }
        pass.answered();
      } catch (error) {
        pass.failed(error);
        throw error;
      } finally {
        pass.leave();
      }
    },
    removeFile: (fileId, options) => run('read', options, () => api.removeFile(fileId, options)),
  };
}

/**
 * Waits for as long as all wait; the first one after an outage is the probe.
 *
 * @throws SynclineError the provider's own while its circuit is open; `ABORTED`.
 */
async function enter(parts: BatchGateParts, kind: CallKind, signal: AbortSignal | undefined): Promise<Pass> {
  const { actor, provider, clock } = parts;
  for (;;) {
    throwIfAborted(signal);
    const snapshot = actor.getSnapshot();
    const { failure, waitUntilMs = 0 } = snapshot.context;
    if (snapshot.status !== 'active' || snapshot.matches('available')) return createPass(parts, false);
    if (snapshot.matches('unavailable'))
      throw circuitError(provider, failure, Math.max(0, waitUntilMs - clock.nowMs()));
    const isProof = kind === 'proof' || (kind === 'read' && failure?.code !== 'PROVIDER_QUOTA');
    if (snapshot.matches({ probing: 'waiting' })) {
      if (isProof) actor.send({ type: 'probe.began' });
      return createPass(parts, isProof);
    }
    await untilChanged(actor, signal);
  }
}

function createPass({ actor, clock }: BatchGateParts, begunAsProbe: boolean): Pass {
  let isProbe = begunAsProbe;
  let isTold = false;
  const tell = (event: ProviderEvent): void => {
    isTold = true;
    isProbe = false;
    // One that was stopped hears nothing more; XState would warn.
    if (actor.getSnapshot().status === 'active') actor.send(event);
  };
  const abandon = (): void => {
    if (isProbe) tell({ type: 'probe.abandoned' });
  };
  const answered = (): void => {
    if (!isTold) tell({ type: isProbe ? 'probe.succeeded' : 'request.succeeded' });
  };
  return {
    answered,
    failed(thrown) {
      const error = toSynclineError(thrown);
      if (!isProviderFault(error)) return hasAnswered(error) ? answered() : abandon();
      // A key may be allowed to embed and not to use files and batches, or the other way round.
      if (error.details.status === 403) return abandon();
      const facts = { failure: toFailure(error), atMs: clock.nowMs(), chance: clock.random() };
      tell({ type: isProbe ? 'probe.failed' : 'request.failed', ...facts });
    },
    leave: abandon,
  };
}

/** It refused, if nothing else; whoever gave up, or failed without asking anybody, says nothing of the provider. */
function hasAnswered({ code, details }: SynclineError): boolean {
  return code === 'BATCH_REFUSED' || code === 'BATCH_LIMIT_REACHED' || details.status !== undefined;
}

/** Resolves when the provider stands elsewhere, or has been stopped, or nobody waits any more. */
function untilChanged(actor: BatchGateParts['actor'], signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      subscription.unsubscribe();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const subscription = actor.subscribe({ next: end, error: end, complete: end });
    signal?.addEventListener('abort', end, { once: true });
  });
}
