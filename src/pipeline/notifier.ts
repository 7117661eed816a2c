/** Wakes those who wait for a change. A ring while nobody waits is not kept: look first, then wait on a ticket taken before. */
export interface Notifier {
  ring(): void;
  /** A promise for the next ring after this call. */
  next(): Promise<void>;
}

export function createNotifier(): Notifier {
  let waiting: { promise: Promise<void>; resolve: () => void } | undefined;
  return {
    ring() {
      waiting?.resolve();
      waiting = undefined;
    },
    next() {
      waiting ??= Promise.withResolvers<void>();
      return waiting.promise;
    },
  };
}
