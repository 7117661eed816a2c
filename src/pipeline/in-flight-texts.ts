/**
 * Texts that are being embedded right now, by profile, so that two datasets never pay for the same text at once.
 * Bounded by the requests in flight.
 */
export interface InFlightTexts {
  /** Begins a look for pending texts; to be called before the catalog is asked for them. */
  look(): TextLook;
  /** Ends a claim, after its vector was stored or its request failed. */
  release(profileId: number, textHashHex: string): void;
}

/** From before the catalog is asked for pending texts until they are claimed. */
export interface TextLook {
  /**
   * Claims a text. Returns `undefined` when it is now the caller's to embed, else a promise that settles when the other
   * claim ends. A claim that ended during this look counts as well: the text may have got its vector after it was read.
   */
  claim(profileId: number, textHashHex: string): Promise<void> | undefined;
  end(): void;
}

export function createInFlightTexts(): InFlightTexts {
  const claims = new Map<string, PromiseWithResolvers<void>>();
  /** What was released during each look that has not ended. */
  const looks = new Set<Set<string>>();
  const nameOf = (profileId: number, textHashHex: string): string => `${profileId}:${textHashHex}`;
  return {
    look() {
      const released = new Set<string>();
      looks.add(released);
      return {
        claim(profileId, textHashHex) {
          const name = nameOf(profileId, textHashHex);
          const held = claims.get(name);
          if (held !== undefined) return held.promise;
          if (released.has(name)) return Promise.resolve();
          claims.set(name, Promise.withResolvers<void>());
          return undefined;
        },
        end: () => looks.delete(released),
      };
    },
    release(profileId, textHashHex) {
      const name = nameOf(profileId, textHashHex);
      claims.get(name)?.resolve();
      claims.delete(name);
      for (const released of looks) released.add(name);
    },
  };
}
