import { createRandom } from '../support/crash-source.ts';

/** Chance that is the same for the same name. */
export interface Random {
  /** From 0 to below 1. */
  next(): number;
  /** Whether something of this probability happens. */
  chance(probability: number): boolean;
  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number;
  /** One of the items; `items` is not empty. */
  pick<Item>(items: readonly Item[]): Item;
}

export function createSeededRandom(name: string): Random {
  const next = createRandom(name);
  return {
    next,
    chance: (probability) => next() < probability,
    between: (least, most) => least + Math.floor(next() * (most - least + 1)),
    pick(items) {
      const item = items[Math.floor(next() * items.length)];
      if (item === undefined) throw new Error('There is nothing to pick from.');
      return item;
    },
  };
}
