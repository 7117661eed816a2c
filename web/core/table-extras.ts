import { signal } from '@preact/signals';
import { ask, client } from './api.ts';
import { onLive } from './live.ts';

/* What the table of datasets shows besides their statuses: read for all of them at once while it is looked at. */

/** When the newest piece of work of a dataset ended, by address; of the newest tasks that are listed. */
export const lastRuns = signal<ReadonlyMap<string, string>>(new Map());

/** What a dataset has cost in all, by address; absent where nothing was sent or no price is known. */
export const costs = signal<ReadonlyMap<string, number>>(new Map());

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
