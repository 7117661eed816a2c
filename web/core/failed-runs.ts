import { signal } from '@preact/signals';
import type { DatasetStatus } from './types.ts';

/* Runs that failed need a person, until a later one of the dataset succeeds, or somebody says that he has seen it. */

export type FailedRun = NonNullable<DatasetStatus['failedRun']>;

const PLACE = 'syncline-dismissed-runs';
/** The newest that are remembered. */
const DISMISSED_MAX = 500;

/** Runs that were dismissed in this browser. */
const dismissed = signal<ReadonlySet<string>>(read());

/** The run of a dataset that failed and was not dismissed. */
export function openFailure({ failedRun }: DatasetStatus): FailedRun | undefined {
  return failedRun === undefined || dismissed.value.has(nameOf(failedRun)) ? undefined : failedRun;
}

/** Somebody has seen them. */
export function dismissRuns(runs: readonly FailedRun[]): void {
  const names = [...dismissed.value, ...runs.map(nameOf)].slice(-DISMISSED_MAX);
  dismissed.value = new Set(names);
  localStorage.setItem(PLACE, JSON.stringify(names));
}

/** Also tells it from that of another catalog that is served at the same address. */
function nameOf({ id, finishedAt }: FailedRun): string {
  return `${id} ${finishedAt}`;
}

function read(): ReadonlySet<string> {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(PLACE) ?? '[]');
    return new Set(Array.isArray(found) ? found.filter((name) => typeof name === 'string') : []);
  } catch {
    // Somebody else's, or broken: nothing was dismissed then.
    return new Set();
  }
}
