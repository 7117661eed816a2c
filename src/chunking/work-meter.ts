/**
 * Work units between two yields. A unit is about one character tokenized from a cold cache (some 0.1 µs): 8,000 of them
 * are 0.3 to 1.5 ms of work on the machines measured.
 */
const WORK_PER_STEP = 8_000;

/** Counts the work done since the last yield, so that a generator knows when to yield. */
export interface WorkMeter {
  /** Adds `units` of work; true when it is time to yield (the count then starts again). */
  readonly spend: (units: number) => boolean;
  /** Adds work without asking, for places that cannot yield themselves. */
  readonly charge: (units: number) => void;
}

/** A meter for one document. */
export function createWorkMeter(): WorkMeter {
  let spent = 0;
  return {
    spend(units) {
      spent += units;
      if (spent < WORK_PER_STEP) return false;
      spent = 0;
      return true;
    },
    charge(units) {
      spent += units;
    },
  };
}
