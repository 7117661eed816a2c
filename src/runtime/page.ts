import { SynclineError } from '../domain/errors.ts';

/** Which part of a list is wanted. */
export interface PageOptions {
  /** `next` of the page before; the first page without it. */
  readonly after?: string;
  /** Items wanted, 1 to 500. Default 50. */
  readonly limit?: number;
}

/** A part of a list. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** Gives the next page as `after`; `undefined` on the last page. Opaque. */
  readonly next: string | undefined;
}

/** Most items of one page. */
export const PAGE_LIMIT_MAX = 500;
export const PAGE_LIMIT_DEFAULT = 50;

/**
 * Reads one page of a list that is ordered by a number.
 *
 * @param read - The items behind the number (`undefined`: from the start), at most `limit`.
 * @throws SynclineError `INVALID_OPTION` when cursor or limit is not allowed.
 */
export async function readPage<Item>(
  { after, limit = PAGE_LIMIT_DEFAULT }: PageOptions,
  read: (after: number | undefined, limit: number) => Promise<readonly Item[]>,
  numberOf: (item: Item) => number,
): Promise<Page<Item>> {
  if (!Number.isInteger(limit) || limit < 1 || limit > PAGE_LIMIT_MAX) {
    throw new SynclineError(
      'INVALID_OPTION',
      `The limit of a page is ${limit}; give a whole number from 1 to ${PAGE_LIMIT_MAX}.`,
    );
  }
  // One more than wanted tells whether there is a next page.
  const items = await read(parseCursor(after), limit + 1);
  const shown = items.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown,
    next: items.length > limit && last !== undefined ? String(numberOf(last)) : undefined,
  };
}

function parseCursor(after: string | undefined): number | undefined {
  if (after === undefined) return undefined;
  if (/^\d{1,15}$/.test(after)) return Number(after);
  throw new SynclineError(
    'INVALID_OPTION',
    'The cursor "after" is not one that a page gave; take it from `next` of the page before.',
  );
}
