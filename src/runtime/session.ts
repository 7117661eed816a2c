import { toFailure } from '../actors/failure.ts';
import type { Catalog, CatalogWriter, LeaseAnswer, LeaseHolder } from '../catalog/catalog.ts';
import type { Clock } from '../domain/clock.ts';
import { isSynclineError, SynclineError } from '../domain/errors.ts';
import type { EventHub } from './events.ts';
import { type HostIdentity, hostName, isCertainlyDead } from './host-identity.ts';
import { tellTasks } from './told-tasks.ts';

/** The time during which this runtime holds the lease: everything that writes works within one. */
export interface Session {
  readonly writer: CatalogWriter;
  /** When the lease was taken, in Unix milliseconds. */
  readonly sinceMs: number;
  /** Aborted with the error `LEASE_LOST` when another holder has taken the lease. */
  readonly signal: AbortSignal;
}

/** Opens one session for all who need it at the same time and ends it with the last of them. */
export interface SessionKeeper {
  /** Of the lease, whenever this keeper holds it. */
  readonly holderId: string;
  /**
   * Joins the session, taking the lease when nobody here has it yet. Each `enter` needs one `leave`.
   *
   * @throws SynclineError `LEASE_HELD` naming the holder; whatever opening and migrating the catalog throws.
   */
  enter(): Promise<Session>;
  leave(): Promise<void>;
  /** Waits until everybody has left; after `drainTimeoutMs` what is still under way is aborted (`ABORTED`). */
  shutDown(drainTimeoutMs: number): Promise<void>;
}

export interface SessionKeeperParts {
  readonly openCatalog: () => Promise<Catalog>;
  readonly clock: Clock;
  readonly identity: HostIdentity;
  readonly leaseTtlMs: number;
  readonly hub: EventHub;
  /** Runs when a session begins, with the lease held and the catalog migrated. */
  readonly onBegin: (session: Session) => Promise<void>;
  /** Runs before the lease is given back. */
  readonly onEnd: (session: Session) => Promise<void>;
}

interface OpenSession extends Session {
  readonly abort: (error: SynclineError) => void;
  readonly end: () => Promise<void>;
}

export function createSessionKeeper(parts: SessionKeeperParts): SessionKeeper {
  // The same for every session of this runtime: a lease whose grant was lost on the way is simply granted again.
  const holderId = parts.clock.newId();
  let users = 0;
  let current: Promise<OpenSession> | undefined;
  // Ends before the next begins: enter and leave are decided one after the other.
  let ending: Promise<void> = Promise.resolve();
  let lastLeft = Promise.withResolvers<void>();
  return {
    holderId,
    async enter() {
      users += 1;
      if (current === undefined) {
        lastLeft = Promise.withResolvers<void>();
        current = ending.then(() => begin(parts, holderId));
      }
      try {
        return await current;
      } catch (error) {
        users -= 1;
        if (users === 0) {
          current = undefined;
          lastLeft.resolve();
        }
        throw error;
      }
    },
    async leave() {
      users -= 1;
      if (users > 0 || current === undefined) return;
      const session = current;
      current = undefined;
      lastLeft.resolve();
      const ended = session.then((open) => open.end());
      // The next session waits for the end of this one, whichever it is; the error belongs to whoever left last.
      ending = ended.catch(() => undefined);
      await ended;
    },
    async shutDown(drainTimeoutMs) {
      const session = current;
      if (session !== undefined) {
        const callOff = parts.clock.setTimer(drainTimeoutMs, () => {
          session.then((open) => open.abort(stoppedError())).catch(() => undefined);
        });
        await lastLeft.promise;
        callOff();
      }
      await ending;
    },
  };
}

async function begin(parts: SessionKeeperParts, holderId: string): Promise<OpenSession> {
  const catalog = await parts.openCatalog();
  const sinceMs = parts.clock.nowMs();
  const token = await takeLease(catalog, holderId, parts);
  const abort = new AbortController();
  let isLost = false;
  const lose = (error: SynclineError): void => {
    if (isLost) return;
    isLost = true;
    parts.hub.emit({ type: 'lease.lost', failure: toFailure(error) });
    abort.abort(error);
  };
  const heartbeat = startHeartbeat(catalog, token, parts, lose);
  const told = tellTasks(catalog.writer(token), catalog, parts.hub, parts.clock);
  const session = { writer: noticeLoss(told, lose), sinceMs, signal: abort.signal };
  const giveBack = async (): Promise<void> => {
    await heartbeat.stop();
    try {
      if (isLost) return;
      await catalog.releaseLease(token);
      parts.hub.emit({ type: 'lease.released' });
    } catch (error) {
      // The work is done all the same; the lease runs out by itself.
      parts.hub.emit({ type: 'lease.releaseFailed', failure: toFailure(error) });
    }
  };
  parts.hub.emit({ type: 'lease.acquired', holderId });
  try {
    await catalog.migrate();
    await session.writer.closeAbandonedTasks();
    await session.writer.forgetOrphanedChunks();
    await parts.onBegin(session);
  } catch (error) {
    await giveBack();
    throw error;
  }
  return {
    ...session,
    abort: (error) => abort.abort(error),
    end: async () => {
      try {
        await parts.onEnd(session);
      } finally {
        await giveBack();
      }
    },
  };
}

/** The writer, telling at once when a write of it was refused because the lease is another holder's: the heartbeat comes later. */
function noticeLoss(writer: CatalogWriter, lose: (error: SynclineError) => void): CatalogWriter {
  return new Proxy(writer, {
    get(target, name, receiver) {
      const method: unknown = Reflect.get(target, name, receiver);
      if (typeof method !== 'function') return method;
      return async (...args: readonly unknown[]): Promise<unknown> => {
        try {
          return await Reflect.apply(method, target, args);
        } catch (error) {
          if (isSynclineError(error, 'LEASE_LOST')) lose(error);
          throw error;
        }
      };
    },
  });
}

/** Why work is aborted that was under way when the runtime was stopped. */
export function stoppedError(): SynclineError {
  return new SynclineError(
    'ABORTED',
    'The runtime was stopped while this was under way; what was done is kept.',
  );
}

/**
 * Takes the lease, at once from a holder that is certainly dead; returns its token.
 *
 * @throws SynclineError `LEASE_HELD` naming the holder.
 */
export async function takeLease(
  catalog: Catalog,
  holderId: string,
  { identity, leaseTtlMs }: Pick<SessionKeeperParts, 'identity' | 'leaseTtlMs'>,
): Promise<number> {
  const request = { holderId, ttlMs: leaseTtlMs, ...identity };
  let answer: LeaseAnswer = await catalog.acquireLease(request);
  if (!answer.granted && isCertainlyDead(answer.holder, identity)) {
    answer = await catalog.acquireLease({ ...request, deadHolderId: answer.holder.holderId });
  }
  if (answer.granted) return answer.token;
  throw leaseHeld(catalog.location, answer.holder);
}

function leaseHeld(location: string, holder: LeaseHolder): SynclineError {
  const since = new Date(holder.startedAtMs).toISOString();
  const until = new Date(holder.expiresAtMs).toISOString();
  return new SynclineError(
    'LEASE_HELD',
    `Another worker holds the catalog ${location}: process ${holder.pid} on ${hostName(holder)}, started ${since}. Give it the work if it serves HTTP, stop it, only look (search, status), or wait until its lease ends (${until} unless renewed).`,
    { retryable: false, details: { ...holder } },
  );
}

/**
 * Renews the lease three times within its life. A renewal that is refused is the loss of the lease; one that fails is not,
 * however long the catalog is out of reach: nothing is written meanwhile, since every write asks the catalog first, and
 * whether another worker has taken over only the catalog can say. Nor does any clock of this machine, which may have slept.
 */
function startHeartbeat(
  catalog: Catalog,
  token: number,
  { clock, leaseTtlMs: ttlMs, hub }: SessionKeeperParts,
  lose: (error: SynclineError) => void,
): { stop: () => Promise<void> } {
  const beating = new Set<Promise<void>>();
  let isOver = false;
  const beat = async (): Promise<void> => {
    try {
      if ((await catalog.renewLease(token, ttlMs)) || isOver) return;
      lose(
        new SynclineError(
          'LEASE_LOST',
          `The lease on ${catalog.location} was taken by another worker; this one stops writing.`,
        ),
      );
    } catch (error) {
      hub.emit({ type: 'lease.renewalFailed', failure: toFailure(error) });
    }
  };
  let callOff: () => void;
  const schedule = (): void => {
    callOff = clock.setTimer(ttlMs / 3, () => {
      // Not one after the other: a request that hangs must not keep the next one from renewing in time.
      const running = beat().finally(() => beating.delete(running));
      beating.add(running);
      schedule();
    });
  };
  schedule();
  return {
    stop: async () => {
      isOver = true;
      callOff();
      await Promise.all(beating);
    },
  };
}
