import { SPEND_PAUSE_REASON } from '../actors/dataset-machine.ts';
import type { SpendHold } from '../catalog/catalog.ts';
import type { Clock } from '../domain/clock.ts';
import type { SpendRequest } from '../pipeline/spend-gate.ts';
import type { EventHub } from './events.ts';
import type { ReachedCap } from './reached-cap.ts';

/** A dataset that waits because a cap was reached. */
export interface HeldDataset {
  /** `project/dataset`. */
  readonly address: string;
  readonly cap: 'day' | 'run';
  readonly usdMax: number;
  /** What counted against the cap then, with what was under way. */
  readonly spentUsd: number;
  /** In Unix milliseconds. */
  readonly reachedAtMs: number;
  /** When it goes on by itself, in Unix milliseconds; `undefined` where somebody has to let it. */
  readonly untilMs: number | undefined;
}

/** The datasets that wait because a cap was reached. They go on by themselves when the day is over. */
export interface HeldDatasets {
  list(): HeldDataset[];
  capOf(datasetId: number): 'day' | 'run' | undefined;
  add(request: SpendRequest, reached: ReachedCap): void;
  /** It works again, or is gone. */
  remove(datasetId: number): void;
  /** Tells those to go on that wait because of this cap, or of any. */
  release(cap?: 'day' | 'run'): void;
  /** Forgets all of them: their worker has ended. */
  clear(): void;
}

export interface HeldDatasetsParts {
  readonly clock: Clock;
  readonly hub: EventHub;
  /** Tells the dataset's actor to go on. */
  readonly resume: (datasetId: number, address: string, reason: string) => void;
}

/** Is told what the catalog is to know of a dataset, for those who only look. */
export type NoteHold = (datasetId: number, hold: SpendHold | undefined) => void;

export function createHeldDatasets({ clock, hub, resume }: HeldDatasetsParts, note: NoteHold): HeldDatasets {
  const held = new Map<number, HeldDataset>();
  let callOffDay: (() => void) | undefined;

  const remove = (datasetId: number): void => {
    const dataset = held.get(datasetId);
    if (dataset === undefined) return;
    held.delete(datasetId);
    note(datasetId, undefined);
    hub.emit({ type: 'spend.capEnded', address: dataset.address, cap: dataset.cap });
  };
  const release = (cap?: 'day' | 'run'): void => {
    for (const [datasetId, dataset] of [...held]) {
      if (cap !== undefined && dataset.cap !== cap) continue;
      remove(datasetId);
      resume(datasetId, dataset.address, SPEND_PAUSE_REASON);
    }
  };
  const onNextDay = (): void => {
    callOffDay = undefined;
    // Who meets the cap again, because the catalog's clock is behind ours, is held again.
    release('day');
  };

  return {
    list: () => [...held.values()],
    capOf: (datasetId) => held.get(datasetId)?.cap,
    add({ datasetId, address }, { cap, usdMax, msLeft, ...reached }) {
      if (held.has(datasetId)) return;
      const reachedAtMs = clock.nowMs();
      const untilMs = msLeft === undefined ? undefined : reachedAtMs + msLeft;
      const spentUsd = reached.spentUsd + reached.inJobsUsd + reached.inFlightUsd;
      const hold = { cap, usdMax, spentUsd, reachedAtMs, untilMs };
      held.set(datasetId, { address, ...hold });
      note(datasetId, { datasetId, ...hold });
      hub.emit({ type: 'spend.capReached', address, cap, usdMax, spentUsd, untilMs });
      if (msLeft !== undefined) callOffDay ??= clock.setTimer(msLeft, onNextDay);
    },
    remove,
    release,
    clear() {
      callOffDay?.();
      callOffDay = undefined;
      held.clear();
    },
  };
}
