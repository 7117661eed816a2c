/** How a piece of work stands when the time to wait for it is over. */
export type WaitedFor<Result> =
  | { readonly isDone: true; readonly result: Result }
  /** It goes on; what becomes of it is seen in the dataset's status. */
  | { readonly isDone: false };

/** Long work that callers wait for as long as they like, and that goes on without them. */
export interface SharedWork {
  /**
   * Begins `run`, or joins the one that is under way under the same name, and waits for it for up to `waitMs`.
   *
   * @throws what `run` throws within that time.
   */
  waitFor<Result>(name: string, run: () => Promise<Result>, waitMs: number): Promise<WaitedFor<Result>>;
}

/** One for all callers of a runtime: work of one name is never under way twice, so that it is bounded by the datasets. */
export function createSharedWork(): SharedWork {
  const underWay = new Map<string, Promise<unknown>>();
  const begin = (name: string, run: () => Promise<unknown>): Promise<unknown> => {
    const work = run().finally(() => underWay.delete(name));
    // It may fail when nobody waits any more.
    work.catch(() => undefined);
    underWay.set(name, work);
    return work;
  };
  return {
    async waitFor<Result>(name: string, run: () => Promise<Result>, waitMs: number) {
      const work = (underWay.get(name) ?? begin(name, run)) as Promise<Result>;
      const over = Promise.withResolvers<{ readonly isDone: false }>();
      const timer = setTimeout(() => over.resolve({ isDone: false }), waitMs);
      try {
        const done = work.then((result) => ({ isDone: true, result }) as const);
        return await Promise.race([done, over.promise]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
