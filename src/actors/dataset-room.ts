import type { DatasetBacklog } from '../catalog/catalog.ts';
import { waitingCount } from './backlog.ts';
import type { DatasetPhase } from './dataset-messages.ts';
import type { Failure } from './failure.ts';

/*
 * Who gets an actor, and who gets a place to work: pure decisions of the supervisor.
 */

/** A dataset as the supervisor finds it in the catalog. */
export interface DatasetListing {
  readonly datasetId: number;
  readonly address: string;
  readonly deleting: boolean;
}

/** What the supervisor knows of a dataset actor. */
export interface DatasetEntry {
  readonly datasetId: number;
  readonly address: string;
  readonly phase: DatasetPhase;
  readonly backlog: DatasetBacklog | undefined;
  readonly failure: Failure | undefined;
  /** A place was given to it and its answer has not come yet. */
  readonly granted: boolean;
  /** It was told something and its answer has not come yet: its phase may be out of date. */
  readonly told: boolean;
  /** It was told to delete itself. */
  readonly deleting: boolean;
  /** The look at the catalog that was the newest when its actor was spawned. */
  readonly spawnedInLook: number;
  /** The place of its newest report among all reports: smaller for those that stand where they stand for longer. */
  readonly reportSeq: number;
}

/** Which waiting dataset gets the next place. */
export type DatasetOrder = 'largestBacklog' | 'oldestChange';

/** Tables checked at once; bounds what a start with many datasets opens and spawns in one go. */
const CHECKS_AT_ONCE_MAX = 32;

const BUSY_PHASES: readonly DatasetPhase[] = [
  'checking',
  'measuring',
  'queued',
  'processing',
  'maintaining',
  'repairing',
  'rebuilding',
  'deleting',
];
const WORKING_PHASES: readonly DatasetPhase[] = ['processing', 'maintaining', 'repairing', 'rebuilding'];
/** Phases in which a table is put right rather than written to. */
const MENDING_PHASES: readonly DatasetPhase[] = ['repairing', 'rebuilding'];

export function isBusy(entry: DatasetEntry): boolean {
  return BUSY_PHASES.includes(entry.phase);
}

/** Busy with anything but checking and mending its table. */
export function isProcessing(entry: DatasetEntry): boolean {
  return isBusy(entry) && !isMending(entry) && entry.phase !== 'checking';
}

/** Its table is repaired, or a new one is built. */
export function isMending(entry: DatasetEntry): boolean {
  return MENDING_PHASES.includes(entry.phase);
}

/** Holds one of the places at work. */
function isWorking(entry: DatasetEntry): boolean {
  return entry.granted || WORKING_PHASES.includes(entry.phase);
}

/** The waiting datasets that get a place now, best first. */
export function chooseNext(
  all: readonly DatasetEntry[],
  settings: { readonly datasetsAtWorkMax: number; readonly datasetOrder: DatasetOrder },
): DatasetEntry[] {
  const waiting = all.filter((entry) => entry.phase === 'queued' && !entry.granted);
  if (waiting.length === 0) return [];
  const free = settings.datasetsAtWorkMax - all.filter(isWorking).length;
  const bySize = ({ backlog }: DatasetEntry): number => (backlog === undefined ? 0 : waitingCount(backlog));
  // A dataset without a waiting change is queued for its table; it comes after those that wait since a known time.
  const byAge = ({ backlog }: DatasetEntry): number => -(backlog?.oldestChangeAtMs ?? Number.MAX_VALUE);
  const rank = settings.datasetOrder === 'largestBacklog' ? bySize : byAge;
  return waiting.sort((a, b) => rank(b) - rank(a) || a.datasetId - b.datasetId).slice(0, Math.max(0, free));
}

/** What {@link planAdmission} decides on. */
export interface Room {
  readonly entries: readonly DatasetEntry[];
  /** Datasets that wait for an actor, first come first. */
  readonly waiting: readonly DatasetListing[];
  readonly datasetActorsMax: number;
  /** Datasets whose pauses the supervisor knows of, and would tell a new actor of. */
  readonly hasPauses: (datasetId: number) => boolean;
  /** Whether those that back off make room too. Only now and then: each return would be a new attempt without the wait. */
  readonly mayBackingOffGo: boolean;
}

/** Who gets an actor now, and whose actors are let go of to make room for them. */
export interface Admission {
  readonly admitted: readonly DatasetListing[];
  /** They have nothing to do, or would do nothing, until somebody tells them something. */
  readonly resting: readonly DatasetEntry[];
  /** They still have something to do and queue up again. */
  readonly deferred: readonly DatasetEntry[];
}

/** Room for those who wait: as many as may be checked at once, and as many as find a free actor or one that can be let go of. */
export function planAdmission(room: Room): Admission {
  const { entries, waiting } = room;
  const checkingCount = entries.filter((entry) => entry.phase === 'checking').length;
  const wanted = Math.min(waiting.length, Math.max(0, CHECKS_AT_ONCE_MAX - checkingCount));
  const missing = wanted - Math.max(0, room.datasetActorsMax - entries.length);
  const letGo = missing <= 0 ? [] : chooseLetGo(room).slice(0, missing);
  return {
    admitted: waiting.slice(0, wanted - Math.max(0, missing - letGo.length)),
    resting: letGo.filter((entry) => entry.phase !== 'backingOff'),
    deferred: letGo.filter((entry) => entry.phase === 'backingOff'),
  };
}

/** Those that can be let go of: idle ones first, of each kind those that have stood still for longest. */
function chooseLetGo(room: Room): DatasetEntry[] {
  const rankOf = (entry: DatasetEntry): number | undefined => {
    if (entry.told || entry.deleting) return undefined;
    if (entry.phase === 'idle') return 0;
    if (entry.phase === 'parked') return 1;
    if (entry.phase === 'paused' && room.hasPauses(entry.datasetId)) return 2;
    return entry.phase === 'backingOff' && room.mayBackingOffGo ? 3 : undefined;
  };
  return room.entries
    .flatMap((entry) => {
      const rank = rankOf(entry);
      return rank === undefined ? [] : [{ entry, rank }];
    })
    .sort((a, b) => a.rank - b.rank || a.entry.reportSeq - b.entry.reportSeq)
    .map(({ entry }) => entry);
}
