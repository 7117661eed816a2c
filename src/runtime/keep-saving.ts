import type { Clock } from '../domain/clock.ts';

/** How often the counts of a task are written while it waits for something. */
const SAVE_INTERVAL_MS = 1_000;

/** Writes the counts of a task now and then, until the function that is returned is called. */
export function keepSaving(clock: Clock, save: () => Promise<void>): () => Promise<void> {
  let saving: Promise<void> = Promise.resolve();
  let callOff: () => void = () => undefined;
  const schedule = (): void => {
    callOff = clock.setTimer(SAVE_INTERVAL_MS, () => {
      // A count that cannot be written now is written at the end; what keeps it from that is told there.
      saving = save().catch(() => undefined);
      schedule();
    });
  };
  schedule();
  return async () => {
    callOff();
    await saving;
  };
}
