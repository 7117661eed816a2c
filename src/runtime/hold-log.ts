import type { Catalog, CostWrites, SpendHold, StoredSpendHold } from '../catalog/catalog.ts';
import type { Clock } from '../domain/clock.ts';
import type { HeldDataset, NoteHold } from './held-datasets.ts';
import { createLatestWrites } from './latest-writes.ts';

/** Keeps in the catalog which datasets wait because a spend cap was reached: for other processes, and for after this one. */
export interface HoldLog {
  readonly note: NoteHold;
  /** A request of the dataset is sent: what a worker before this one has noted of it is over. */
  noteGoesOn(datasetId: number): void;
  /** Of those that the catalog tells of, the ones that this runtime knows nothing newer of. */
  elsewhere(stored: readonly StoredSpendHold[]): HeldDataset[];
  beginSession(writer: CostWrites): Promise<void>;
  /** Settles when nothing is written any more. */
  endSession(): Promise<void>;
}

export function createHoldLog(clock: Clock, catalog: () => Promise<Catalog>): HoldLog {
  const writes = createLatestWrites<CostWrites, number, SpendHold | undefined>(
    clock,
    (writer, hold, datasetId) =>
      hold === undefined ? writer.endSpendHold(datasetId) : writer.noteSpendHold(hold),
  );
  /** In a session, the datasets of which only the catalog says that they wait: none of them has asked yet. */
  let unmet: Set<number> | undefined;

  const noteGoesOn = (datasetId: number): void => {
    if (unmet?.delete(datasetId)) writes.note(datasetId, undefined);
  };
  const isOver = ({ hasPendingTexts, untilMs }: StoredSpendHold): boolean =>
    !hasPendingTexts || (untilMs !== undefined && untilMs <= clock.nowMs());

  return {
    note(datasetId, hold) {
      unmet?.delete(datasetId);
      writes.note(datasetId, hold);
    },
    noteGoesOn,
    elsewhere: (stored) =>
      stored
        .filter((hold) => !isOver(hold) && (unmet === undefined || unmet.has(hold.datasetId)))
        .map(({ datasetId: _, hasPendingTexts: __, ...held }) => held),
    async beginSession(writer) {
      writes.beginSession(writer);
      const stored = await (await catalog()).listSpendHolds();
      unmet = new Set(stored.map(({ datasetId }) => datasetId));
      for (const hold of stored) if (isOver(hold)) noteGoesOn(hold.datasetId);
    },
    async endSession() {
      await writes.endSession();
      unmet = undefined;
    },
  };
}
