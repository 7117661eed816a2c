/** Rates are of this last stretch of time: work comes in requests and commits, and is to be looked at over several of them. */
const WINDOW_MS = 30_000;
/** After less than this a rate says nothing. */
const SPAN_MS_MIN = 2_000;
/** Samples that lie closer together tell nothing more. */
const SAMPLE_MS_MIN = 250;

/** Says how long the rest of some work takes, by how fast it became less lately. */
export interface TimeLeft {
  /**
   * @param left - How much there is still to do.
   * @returns Milliseconds; `undefined` while nothing is known of how fast it goes, and when nothing is left.
   */
  look(left: number, nowMs: number): number | undefined;
}

export function createTimeLeft(): TimeLeft {
  let samples: { readonly left: number; readonly atMs: number }[] = [];
  return {
    look(left, nowMs) {
      const last = samples.at(-1);
      // More than there was has turned up, or was there and not known: what was done was done all the same.
      const more = Math.max(0, left - (last?.left ?? left));
      samples = samples
        .filter(({ atMs }) => nowMs - atMs <= WINDOW_MS)
        .map((sample) => ({ ...sample, left: sample.left + more }));
      if (last === undefined || samples.length === 0 || nowMs - last.atMs >= SAMPLE_MS_MIN)
        samples.push({ left, atMs: nowMs });
      const [first] = samples;
      if (first === undefined || left <= 0 || nowMs - first.atMs < SPAN_MS_MIN || first.left <= left)
        return undefined;
      return (left * (nowMs - first.atMs)) / (first.left - left);
    },
  };
}
