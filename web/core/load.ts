import { type Signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { messageOf } from './api.ts';

/** Something that is read from the server, and read anew when it may have changed. */
export interface Loaded<Value> {
  readonly value: Signal<Value | undefined>;
  /** Why it could not be read the last time. */
  readonly problem: Signal<string | undefined>;
  /** Reads it anew. */
  readonly reload: () => Promise<void>;
}

/**
 * Reads something when a page is shown, and again when one of `inputs` is another. An answer that comes after a newer one was
 * asked for is dropped.
 */
export function useLoaded<Value>(read: () => Promise<Value>, inputs: readonly unknown[]): Loaded<Value> {
  const value = useSignal<Value | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  const asked = useSignal(0);
  const reload = async (): Promise<void> => {
    const own = asked.peek() + 1;
    asked.value = own;
    try {
      const found = await read();
      if (asked.peek() !== own) return;
      value.value = found;
      problem.value = undefined;
    } catch (error) {
      if (asked.peek() === own) problem.value = messageOf(error);
    }
  };
  useEffect(() => {
    void reload();
  }, inputs);
  return { value, problem, reload };
}

/** Pages of a list, one after the other. */
export interface Pages<Item> {
  readonly items: Signal<readonly Item[] | undefined>;
  readonly problem: Signal<string | undefined>;
  readonly hasMore: Signal<boolean>;
  readonly reload: () => Promise<void>;
  readonly more: () => Promise<void>;
}

interface PageAnswer<Item> {
  readonly items: readonly Item[];
  readonly next?: string | undefined;
}

/** Reads a list page by page; `reload` begins with the first again. */
export function usePages<Item>(
  read: (after: string | undefined) => Promise<PageAnswer<Item>>,
  inputs: readonly unknown[],
): Pages<Item> {
  const items = useSignal<readonly Item[] | undefined>(undefined);
  const next = useSignal<string | undefined>(undefined);
  const hasMore = useSignal(false);
  const keep = (page: PageAnswer<Item>): PageAnswer<Item> => {
    next.value = page.next;
    hasMore.value = page.next !== undefined;
    return page;
  };
  const first = useLoaded(async () => {
    const page = keep(await read(undefined));
    items.value = page.items;
  }, inputs);
  return {
    items,
    problem: first.problem,
    hasMore,
    reload: first.reload,
    async more() {
      const known = items.peek() ?? [];
      const page = keep(await read(next.peek()));
      items.value = [...known, ...page.items];
    },
  };
}
