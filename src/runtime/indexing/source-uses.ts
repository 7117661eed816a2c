import type { Source } from '../../sources/source.ts';

/** Who reads a source now: runs share sources that a program has made, and the last one frees what they hold. */
export interface SourceUses {
  /** Runs a task over sources, and closes those that nobody else reads afterwards. */
  during<Result>(sources: readonly Source[], task: () => Promise<Result>): Promise<Result>;
}

export function createSourceUses(): SourceUses {
  const uses = new Map<Source, number>();
  const leave = async (source: Source): Promise<void> => {
    const left = (uses.get(source) ?? 1) - 1;
    if (left > 0) uses.set(source, left);
    else {
      uses.delete(source);
      // What was read is in the catalog: a source that cannot be closed changes nothing about it.
      await (async () => source.close?.())().catch(() => undefined);
    }
  };
  return {
    async during(sources, task) {
      for (const source of sources) uses.set(source, (uses.get(source) ?? 0) + 1);
      try {
        return await task();
      } finally {
        await Promise.all(sources.map(leave));
      }
    },
  };
}
