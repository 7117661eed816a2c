/**
 * What a repair in place has to do: documents to write again, and rows to take away. Kept only up to a limit: beyond it a
 * new table is cheaper than a repair, and the lists would not be bounded.
 */
export interface DamageList {
  /** Notes that a document's rows have to be written again. */
  rewrite(documentId: number): void;
  /** Notes that a row has to go. */
  remove(place: bigint): void;
  /** The lists, or `undefined` when the damage is beyond repair in place. */
  lists(): DamageLists | undefined;
}

export interface DamageLists {
  readonly documentIds: readonly number[];
  readonly places: readonly bigint[];
}

/** Most rows of one repair in place, whatever the share: some 50 MB of lists. */
const ROWS_MAX = 500_000;

/** @param rowsMax - Damaged rows up to which a repair in place is worth it. */
export function createDamageList(rowsMax: number): DamageList {
  const limit = Math.min(rowsMax, ROWS_MAX);
  const documentIds = new Set<number>();
  let places: bigint[] = [];
  let count = 0;
  /** Counts one more; whether it is still to be kept. */
  const isKept = (): boolean => {
    count += 1;
    if (count <= limit) return true;
    documentIds.clear();
    places = [];
    return false;
  };
  return {
    rewrite(documentId) {
      if (isKept()) documentIds.add(documentId);
    },
    remove(place) {
      if (isKept()) places.push(place);
    },
    lists: () => (count > limit ? undefined : { documentIds: [...documentIds], places }),
  };
}
