/** How long one is shown, at least, before the next. */
const SHOWN_MS = 160;
/** Where so many wait, they are shown faster; what is more than the eye could follow is left out. */
const WAITING_MAX = 24;

/** Shows what comes in a burst one after the other, so that it can be seen. */
export interface Pacer<Item> {
  add(item: Item): void;
  /** Whether something waits to be shown. */
  readonly isBusy: boolean;
  end(): void;
}

/** @param show - The first of a burst is shown at once; while the page is hidden, all are. */
export function createPacer<Item>(show: (item: Item) => void): Pacer<Item> {
  const waiting: Item[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const next = (): void => {
    timer = undefined;
    const item = waiting.shift();
    if (item === undefined) return;
    show(item);
    timer = setTimeout(next, SHOWN_MS / (1 + waiting.length / 4));
  };
  return {
    add(item) {
      waiting.push(item);
      if (document.hidden || waiting.length > WAITING_MAX) {
        for (const each of waiting.splice(0)) show(each);
      } else if (timer === undefined) next();
    },
    get isBusy() {
      return waiting.length > 0;
    },
    end(): void {
      clearTimeout(timer);
      waiting.length = 0;
    },
  };
}
