/** What one batch may hold. A single item that is heavier makes a batch of its own. */
export interface BatchLimits<Item> {
  readonly itemsMax: number;
  readonly weightMax: number;
  weigh(item: Item): number;
  /** Items with the same name never share a batch. */
  nameOf?(item: Item): string;
}

/** Cuts a list into batches, in order. */
export function batchesOf<Item>(items: readonly Item[], limits: BatchLimits<Item>): Item[][] {
  const batches: Item[][] = [];
  let batch: Item[] = [];
  let weight = 0;
  const names = new Set<string>();
  for (const item of items) {
    const itemWeight = limits.weigh(item);
    const name = limits.nameOf?.(item);
    const isFull = batch.length >= limits.itemsMax || weight + itemWeight > limits.weightMax;
    if (batch.length > 0 && (isFull || (name !== undefined && names.has(name)))) {
      batches.push(batch);
      batch = [];
      weight = 0;
      names.clear();
    }
    batch.push(item);
    weight += itemWeight;
    if (name !== undefined) names.add(name);
  }
  if (batch.length > 0) batches.push(batch);
  return batches;
}
