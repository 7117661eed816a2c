import type { JSX } from 'preact';
import type { Pages } from '../core/load.ts';
import { Button } from './controls.tsx';
import { Empty, Notice } from './parts.tsx';

/** What stands below a list that is read page by page, or in its place. */
export function ListEnd<Item>({
  pages,
  empty,
}: {
  readonly pages: Pages<Item>;
  readonly empty: string;
}): JSX.Element | null {
  if (pages.problem.value !== undefined) return <Notice tone="bad">{pages.problem.value}</Notice>;
  if (pages.items.value === undefined) return <Empty>Loading…</Empty>;
  if (pages.items.value.length === 0) return <Empty>{empty}</Empty>;
  if (!pages.hasMore.value) return null;
  return (
    <div class="pager">
      <Button onPress={pages.more}>Show more</Button>
    </div>
  );
}
