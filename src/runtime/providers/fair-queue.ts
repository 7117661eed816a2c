/** Whose request it is: a dataset's number, or `query` for one that a person waits for. */
export type Consumer = number | 'query';

/** Requests that wait: queries first, then one of each dataset in turn. */
export interface FairQueue<Item> {
  readonly size: number;
  /** Of queries alone. */
  readonly queries: number;
  add(consumer: Consumer, item: Item): void;
  /** Before all others of its consumer: it had its turn once. */
  putBack(consumer: Consumer, item: Item): void;
  /** Whose turn it is. */
  peek(): Item | undefined;
  /** The same, taking it out and passing the turn on. */
  take(): Item | undefined;
  /** Whether it was there. */
  remove(consumer: Consumer, item: Item): boolean;
  /** Takes out everything, or what `matches`. */
  drain(matches?: (item: Item) => boolean): Item[];
}

export function createFairQueue<Item>(): FairQueue<Item> {
  /** By consumer, in the order of their turns; only those who wait. */
  const lines = new Map<Consumer, Item[]>();
  const nextConsumer = (): Consumer | undefined => (lines.has('query') ? 'query' : lines.keys().next().value);
  const lineOf = (consumer: Consumer): Item[] => {
    const line = lines.get(consumer) ?? [];
    lines.set(consumer, line);
    return line;
  };
  return {
    get size() {
      let size = 0;
      for (const line of lines.values()) size += line.length;
      return size;
    },
    get queries() {
      return lines.get('query')?.length ?? 0;
    },
    add: (consumer, item) => void lineOf(consumer).push(item),
    putBack: (consumer, item) => void lineOf(consumer).unshift(item),
    peek() {
      const consumer = nextConsumer();
      return consumer === undefined ? undefined : lines.get(consumer)?.[0];
    },
    take() {
      const consumer = nextConsumer();
      if (consumer === undefined) return undefined;
      const line = lines.get(consumer) ?? [];
      const item = line.shift();
      // To the end of the round.
      lines.delete(consumer);
      if (line.length > 0) lines.set(consumer, line);
      return item;
    },
    remove(consumer, item) {
      const line = lines.get(consumer) ?? [];
      const place = line.indexOf(item);
      if (place === -1) return false;
      line.splice(place, 1);
      if (line.length === 0) lines.delete(consumer);
      return true;
    },
    drain(matches = () => true) {
      const drained: Item[] = [];
      for (const [consumer, line] of [...lines]) {
        drained.push(...line.filter(matches));
        const kept = line.filter((item) => !matches(item));
        if (kept.length > 0) lines.set(consumer, kept);
        else lines.delete(consumer);
      }
      return drained;
    },
  };
}
