/** Successes at a bound, in multiples of it, before one more request is tried. */
const ROUNDS_BEFORE_MORE = 4;

/** How many requests may be in flight: halved when the provider has enough of us, one more when it goes well. */
export interface InFlightBound {
  current(): number;
  /** The ceiling, from the limits of an embedder; the highest of those that were given counts. */
  raiseCeiling(ceiling: number): void;
  noteSuccess(): void;
  noteOverload(): void;
}

export function createInFlightBound(): InFlightBound {
  let ceiling = 0;
  let bound = 0;
  let successes = 0;
  return {
    current: () => bound,
    raiseCeiling(wanted) {
      if (wanted <= ceiling) return;
      // One that was lowered stays so: the provider's word counts more than the profile's.
      if (bound === ceiling) bound = wanted;
      ceiling = wanted;
    },
    noteSuccess() {
      if (bound >= ceiling) return;
      successes += 1;
      if (successes < bound * ROUNDS_BEFORE_MORE) return;
      successes = 0;
      bound += 1;
    },
    noteOverload() {
      successes = 0;
      bound = Math.max(1, Math.floor(bound / 2));
    },
  };
}
