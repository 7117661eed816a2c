import type { Clock } from '../domain/clock.ts';

/** Who looks sees an old state for as long after a write of the catalog has failed. */
const RETRY_MS = 5_000;

/**
 * Keeps states in the catalog while this runtime holds the lease, for those who only look: one write at a time, and of what changes
 * faster only the newest. Nobody's work waits for it, or fails because of it.
 */
export interface LatestWrites<Writer, Key, Value> {
  /** Does nothing outside of a session. */
  note(key: Key, value: Value): void;
  beginSession(writer: Writer): void;
  /** Settles when nothing is written any more. */
  endSession(): Promise<void>;
}

export function createLatestWrites<Writer, Key, Value>(
  { setTimer }: Pick<Clock, 'setTimer'>,
  write: (writer: Writer, value: Value, key: Key) => Promise<void>,
): LatestWrites<Writer, Key, Value> {
  const waiting = new Map<Key, Value>();
  let writer: Writer | undefined;
  let writing: Promise<void> | undefined;
  let callOff: (() => void) | undefined;

  const writeWaiting = async (): Promise<void> => {
    for (const [key, value] of waiting) {
      if (writer === undefined) return;
      waiting.delete(key);
      try {
        await write(writer, value, key);
      } catch {
        // Nobody's work depends on it. A newer one that came meanwhile is the one to write.
        if (!waiting.has(key)) waiting.set(key, value);
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
    note(key, value) {
      if (writer === undefined) return;
      waiting.set(key, value);
      kick();
    },
    beginSession(next) {
      writer = next;
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
