import { type DocumentKey, documentMapKey } from '../domain/document.ts';

/**
 * Changes of documents that somebody told of while others read a source from end to end: what those have read may be older,
 * and must not take the place of what was told.
 */
export interface ToldChanges {
  /** Begins to remember, until the function that is returned is called. */
  watch(): () => void;
  /** The present moment, for {@link isNewer}. */
  now(): number;
  /** To be called before the change is stored. Costs nothing while nobody watches. */
  note(keys: readonly DocumentKey[]): void;
  /** Whether a change of the document was told after a moment. */
  isNewer(key: DocumentKey, asOf: number): boolean;
}

export function createToldChanges(): ToldChanges {
  const toldAt = new Map<string, number>();
  let watchers = 0;
  let moment = 0;
  return {
    watch() {
      watchers += 1;
      let isWatching = true;
      return () => {
        if (!isWatching) return;
        isWatching = false;
        watchers -= 1;
        if (watchers === 0) toldAt.clear();
      };
    },
    now: () => moment,
    note(keys) {
      if (watchers === 0) return;
      moment += 1;
      for (const key of keys) toldAt.set(documentMapKey(key), moment);
    },
    isNewer: (key, asOf) => (toldAt.get(documentMapKey(key)) ?? 0) > asOf,
  };
}
