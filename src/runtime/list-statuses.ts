import type { RuntimeCore } from './core.ts';
import type { DatasetStatus } from './dataset.ts';
import { statusOf } from './dataset-control.ts';
import { listRecords } from './list-datasets.ts';
import type { Page, PageOptions } from './page.ts';

/** Datasets that are read at the same time: a catalog on a server answers each some milliseconds later. */
const READ_AT_ONCE = 8;

/** See `Runtime.listStatuses`. Those that are being deleted are left out. */
export async function listStatuses(
  core: RuntimeCore,
  page: PageOptions & { readonly project?: string },
): Promise<Page<DatasetStatus>> {
  const { items, next } = await listRecords(core, page);
  const waiting = items.filter(({ state }) => state === 'active').entries();
  const statuses: DatasetStatus[] = [];
  // All of them take from the same list.
  const read = async (): Promise<void> => {
    for (const [place, dataset] of waiting) statuses[place] = await statusOf(core, dataset);
  };
  await Promise.all(Array.from({ length: READ_AT_ONCE }, read));
  return { items: statuses, next };
}
