/** How a piece of work stands when the time to wait for it is over. */
export type WaitedFor<Result> =
  | { readonly isDone: true; readonly result: Result }
  /** It goes on; what becomes of it is seen in the dataset's status, and in its task where it is one. */
  | { readonly isDone: false; readonly taskId: number | undefined };

/** Begins the work; calls `onTask` with the id of its task if the catalog lists it as one. */
export type BeginWork<Result> = (onTask: (taskId: number) => void) => Promise<Result>;

/** Long work that callers wait for as long as they like, and that goes on without them. */
export interface SharedWork {
  /**
   * Begins `run`, or joins the one that is under way under the same name, and waits for it for up to `waitMs`.
   *
   * @throws what `run` throws within that time.
   */
  waitFor<Result>(name: string, run: BeginWork<Result>, waitMs: number): Promise<WaitedFor<Result>>;
}

interface Work {
  readonly end: Promise<unknown>;
  /** Known as soon as the catalog lists it. */
  readonly taskId: number | undefined;
}

/** One for all callers of a runtime: work of one name is never under way twice, so that it is bounded by the datasets. */
export function createSharedWork(): SharedWork {
  const underWay = new Map<string, Work>();
  const begin = (name: string, run: BeginWork<unknown>): Work => {
    let taskId: number | undefined;
    const end = run((id) => {
      taskId = id;
    }).finally(() => underWay.delete(name));
    // It may fail when nobody waits any more.
    end.catch(() => undefined);
    const work = {
      end,
      get taskId() {
        return taskId;
      },
    };
    underWay.set(name, work);
    return work;
  };
  return {
    async waitFor<Result>(name: string, run: BeginWork<Result>, waitMs: number) {
      const work = underWay.get(name) ?? begin(name, run);
      const over = Promise.withResolvers<'over'>();
      const timer = setTimeout(() => over.resolve('over'), waitMs);
      try {
        const done = (work.end as Promise<Result>).then((result) => ({ isDone: true, result }) as const);
        const ended = await Promise.race([done, over.promise]);
        return ended === 'over' ? ({ isDone: false, taskId: work.taskId } as const) : ended;
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** What is told of work that goes on. */
export function underWay({ taskId }: { readonly taskId: number | undefined }) {
  return { isDone: false, ...(taskId !== undefined && { taskId }) };
}
