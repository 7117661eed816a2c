import type { ProviderStanding, ProviderWrites } from '../../catalog/catalog.ts';
import type { Clock } from '../../domain/clock.ts';

/** Who looks sees an old standing for as long after a write of the catalog has failed. */
const RETRY_MS = 5_000;
/** The user and password in an address that a message quotes. */
const CREDENTIALS = /(:\/\/)[^\s/?#@]+@/g;

/**
 * Writes to the catalog how providers stand, while this runtime holds the lease: one write at a time, and of what changes
 * faster only the newest.
 */
export interface StandingLog {
  note(standing: ProviderStanding): void;
  beginSession(writer: ProviderWrites, known: readonly ProviderStanding[]): void;
  /** Settles when nothing is written any more. */
  endSession(): Promise<void>;
}

export function createStandingLog({ setTimer }: Pick<Clock, 'setTimer'>): StandingLog {
  const waiting = new Map<string, ProviderStanding>();
  let writer: ProviderWrites | undefined;
  let writing: Promise<void> | undefined;
  let callOff: (() => void) | undefined;

  const writeWaiting = async (): Promise<void> => {
    for (const [id, standing] of waiting) {
      if (writer === undefined) return;
      waiting.delete(id);
      try {
        await writer.noteProviderStanding(storable(standing));
      } catch {
        // Nobody's work depends on it. A newer one that came meanwhile is the one to write.
        if (!waiting.has(id)) waiting.set(id, standing);
        callOff = setTimer(RETRY_MS, () => {
          callOff = undefined;
          kick();
        });
        return;
      }
    }
  };
  const kick = (): void => {
    if (writer === undefined || writing !== undefined || callOff !== undefined) return;
    writing = writeWaiting().finally(() => {
      writing = undefined;
      if (waiting.size > 0) kick();
    });
  };

  return {
    note(standing) {
      if (writer === undefined) return;
      waiting.set(standing.id, standing);
      kick();
    },
    beginSession(next, known) {
      writer = next;
      for (const standing of known) waiting.set(standing.id, standing);
      if (known.length > 0) kick();
    },
    async endSession() {
      await writing;
      writer = undefined;
      callOff?.();
      callOff = undefined;
      waiting.clear();
    },
  };
}

/** Of one that is available, why it was not is history. */
function storable(standing: ProviderStanding): ProviderStanding {
  const { failure, state } = standing;
  if (failure === undefined) return standing;
  if (state === 'available') return { ...standing, failure: undefined, failedAtMs: undefined };
  return { ...standing, failure: { ...failure, message: failure.message.replaceAll(CREDENTIALS, '$1') } };
}
