import type { ProviderStanding, ProviderWrites } from '../../catalog/catalog.ts';
import type { Clock } from '../../domain/clock.ts';
import { createLatestWrites } from '../latest-writes.ts';

/** The user and password in an address that a message quotes. */
const CREDENTIALS = /(:\/\/)[^\s/?#@]+@/g;

/** Writes to the catalog how providers stand, while this runtime holds the lease. */
export interface StandingLog {
  note(standing: ProviderStanding): void;
  beginSession(writer: ProviderWrites, known: readonly ProviderStanding[]): void;
  /** Settles when nothing is written any more. */
  endSession(): Promise<void>;
}

export function createStandingLog(clock: Pick<Clock, 'setTimer'>): StandingLog {
  const writes = createLatestWrites<ProviderWrites, string, ProviderStanding>(clock, (writer, standing) =>
    writer.noteProviderStanding(storable(standing)),
  );
  const note = (standing: ProviderStanding): void => writes.note(standing.id, standing);
  return {
    note,
    beginSession(writer, known) {
      writes.beginSession(writer);
      for (const standing of known) note(standing);
    },
    endSession: writes.endSession,
  };
}

/** Of one that is available, why it was not is history. */
function storable(standing: ProviderStanding): ProviderStanding {
  const { failure, state } = standing;
  if (failure === undefined) return standing;
  if (state === 'available') return { ...standing, failure: undefined, failedAtMs: undefined };
  return { ...standing, failure: { ...failure, message: failure.message.replaceAll(CREDENTIALS, '$1') } };
}
