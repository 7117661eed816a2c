import { signal } from '@preact/signals';
import { ask, client, paramOf } from './api.ts';
import { onLive } from './live.ts';

/* What the table of datasets shows besides their statuses: read for all of them at once while it is looked at. */

/** When the newest piece of work of a dataset ended, by address; of the newest tasks that are listed. */
export const lastRuns = signal<ReadonlyMap<string, string>>(new Map());

/** What a dataset has cost in all, by address; absent where nothing was sent or no price is known. */
export const costs = signal<ReadonlyMap<string, number>>(new Map());

/** When a dataset is indexed by itself next, by address; `undefined` where it is not. */
export const nextRuns = signal<ReadonlyMap<string, string | undefined>>(new Map());

/** Why the last run by schedule of a dataset failed, by address; `undefined` where it did not. */
export const lastErrors = signal<ReadonlyMap<string, string | undefined>>(new Map());

/** Reads the schedules of a dataset that is on the screen, once in a while. */
export async function readSchedules(address: string): Promise<void> {
  const route = client.value.v1.datasets[':project'][':dataset'].schedules;
  try {
    const { items } = await ask(route.$get({ param: paramOf(address) }));
    const next = items
      .flatMap(({ isOn, nextRun }) => (isOn && nextRun !== undefined ? [nextRun] : []))
      .sort()[0];
    nextRuns.value = new Map([...nextRuns.peek(), [address, next]]);
    const error = items.find(({ lastError }) => lastError !== undefined)?.lastError;
    lastErrors.value = new Map([...lastErrors.peek(), [address, error]]);
  } catch {
    // It is gone, or the server is: the row says so.
  }
}

const TASKS_READ = 500;
const COSTS_EVERY_MS = 15_000;

/** Reads both, keeps them up to date, and returns the function that ends that. */
export function followExtras(): () => void {
  const read = (): void => void Promise.all([readLastRuns(), readCosts()]).catch(() => undefined);
  read();
  const timer = setInterval(() => {
    if (!document.hidden) void readCosts().catch(() => undefined);
  }, COSTS_EVERY_MS);
  const stop = onLive(({ type, data }) => {
    if (type === 'snapshot') read();
    if (data.type !== 'task.ended' || typeof data.address !== 'string') return;
    lastRuns.value = new Map([...lastRuns.peek(), [data.address, String(data.at)]]);
  });
  return () => {
    clearInterval(timer);
    stop();
  };
}

async function readLastRuns(): Promise<void> {
  const { items } = await ask(client.value.v1.tasks.$get({ query: { limit: String(TASKS_READ) } }));
  const found = new Map<string, string>();
  // The newest come first.
  for (const { dataset, finishedAt } of items)
    if (dataset !== undefined && finishedAt !== undefined && !found.has(dataset))
      found.set(dataset, finishedAt);
  lastRuns.value = found;
}

async function readCosts(): Promise<void> {
  const { items } = await ask(client.value.v1.costs.$get({ query: { by: 'dataset', limit: '10000' } }));
  costs.value = new Map(
    items.flatMap(({ dataset, costUsd }) =>
      dataset === undefined || costUsd === undefined ? [] : [[dataset, costUsd] as const],
    ),
  );
}
