import { signal } from '@preact/signals';
import { ask, client } from './api.ts';
import { onLive } from './live.ts';
import { quietly } from './quietly.ts';

/** What a dataset has cost in all, by address; absent where nothing was sent or no price is known. */
export const costs = signal<ReadonlyMap<string, number>>(new Map());

const EVERY_MS = 15_000;

/** Reads the costs of all datasets at once, keeps them up to date, and returns the function that ends that. */
export function followCosts(): () => void {
  const read = (): void => {
    if (!document.hidden) void quietly(readCosts);
  };
  read();
  const timer = setInterval(read, EVERY_MS);
  const stop = onLive(({ type }) => {
    if (type === 'snapshot') read();
  });
  return () => {
    clearInterval(timer);
    stop();
  };
}

async function readCosts(): Promise<void> {
  const { items } = await ask(client.value.v1.costs.$get({ query: { by: 'dataset', limit: '10000' } }));
  costs.value = new Map(
    items.flatMap(({ dataset, costUsd }) =>
      dataset === undefined || costUsd === undefined ? [] : [[dataset, costUsd] as const],
    ),
  );
}
