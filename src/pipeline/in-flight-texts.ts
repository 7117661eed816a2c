/**
 * Texts that are being embedded right now, by profile, so that two datasets never pay for the same text at once.
 * Bounded by the requests in flight.
 */
export interface InFlightTexts {
  /** Claims a text. Returns `undefined` when it is now the caller's to embed, else a promise that settles when the other claim ends. */
  claim(profileId: number, textHashHex: string): Promise<void> | undefined;
  /** Ends a claim, after its vector was stored or its request failed. */
  release(profileId: number, textHashHex: string): void;
}

export function createInFlightTexts(): InFlightTexts {
  const claims = new Map<string, { promise: Promise<void>; resolve: () => void }>();
  const nameOf = (profileId: number, textHashHex: string): string => `${profileId}:${textHashHex}`;
  return {
    claim(profileId, textHashHex) {
      const name = nameOf(profileId, textHashHex);
      const held = claims.get(name);
      if (held !== undefined) return held.promise;
      claims.set(name, Promise.withResolvers<void>());
      return undefined;
    },
    release(profileId, textHashHex) {
      const name = nameOf(profileId, textHashHex);
      claims.get(name)?.resolve();
      claims.delete(name);
    },
  };
}
