import { attempt, beginTask, confirm } from './actions.ts';
import { ask, client, paramOf } from './api.ts';
import { showPhase, touchDataset } from './store.ts';
import { withdrawToast } from './toasts.ts';
import type { CheckReport, DatasetStatus, Task } from './types.ts';

/* What can be done to a dataset, each with the question that comes before where it costs money or deletes. */

type DatasetRoutes = (typeof client.value)['v1']['datasets'][':project'][':dataset'];

function routes(): DatasetRoutes {
  return client.value.v1.datasets[':project'][':dataset'];
}

/** Says what was begun, and has the dataset read anew. */
async function begin(
  what: string,
  address: string,
  start: (param: ReturnType<typeof paramOf>) => Promise<Task>,
): Promise<void> {
  await beginTask(`${what} ${address}`, () => start(paramOf(address)));
  touchDataset(address);
}

export function indexNow(address: string): Promise<void> {
  return begin('Indexing', address, (param) => ask(routes().index.$post({ param, query: {}, json: {} })));
}

/** Reads the sources from end to end. */
export async function fullRun(address: string): Promise<void> {
  const isSure = await confirm({
    title: `Full run of ${address}?`,
    text: 'Its sources are read from end to end. Documents that they do not have any more are removed; a run that would remove more than half is stopped.',
    action: 'Run',
    isDanger: true,
  });
  if (isSure)
    await begin('Full run of', address, (param) =>
      ask(routes().index.$post({ param, query: {}, json: { full: true } })),
    );
}

/** Does what was set aside. */
export async function allowRefusedChanges(address: string): Promise<void> {
  const isSure = await confirm({
    title: `Delete what was set aside of ${address}?`,
    text: 'The records are looked at once more. Documents of those that their source does not have are removed, however many they are.',
    action: 'Delete',
    isDanger: true,
  });
  if (isSure)
    await begin('Doing what was set aside of', address, (param) =>
      ask(routes().index.$post({ param, query: {}, json: { allowMassDeletion: true } })),
    );
}

/** Forgets what was set aside. */
export async function dropRefusedChanges(address: string): Promise<void> {
  const isSure = await confirm({
    title: `Forget what was set aside of ${address}?`,
    text: 'Nothing is deleted. A full run finds out by itself what its sources do not have any more.',
    action: 'Forget',
  });
  if (!isSure) return;
  await attempt('Forgetting what was set aside', () =>
    ask(routes()['refused-changes'].$delete({ param: paramOf(address) })),
  );
  touchDataset(address);
}

/** @param chunkId - Only this one. */
export function retryFailures(address: string, chunkId?: number): Promise<void> {
  const query = chunkId === undefined ? {} : { chunkIds: String(chunkId) };
  return begin('Retrying failures of', address, (param) =>
    ask(routes().failures.retry.$post({ param, query })),
  );
}

/** What a backfill may do. */
export interface BackfillWish {
  readonly limit?: number;
  readonly retryFailed?: boolean;
  readonly usdMax?: number;
}

/** The question about its price was asked by whoever calls this. */
export function startBackfill(address: string, wish: BackfillWish): Promise<void> {
  return begin('Backfilling', address, (param) =>
    ask(routes().backfill.$post({ param, query: {}, json: wish })),
  );
}

/** @param level - How closely: rows only, or vectors, too. */
export function checkTable(address: string, level: CheckReport['level']): Promise<void> {
  return begin('Checking', address, (param) =>
    ask(routes().check.$post({ param, query: {}, json: { level } })),
  );
}

export function repairTable(address: string): Promise<void> {
  return begin('Repairing', address, (param) =>
    ask(routes().repair.$post({ param, query: {}, json: { level: 'rows' } })),
  );
}

export async function rebuildTable(address: string): Promise<void> {
  const isSure = await confirm({
    title: `Rebuild ${address}?`,
    text: 'A new table is built from the vectors in the catalog; no provider is asked. The present table serves until then and is kept.',
    action: 'Rebuild',
  });
  if (isSure)
    await begin('Rebuilding', address, (param) => ask(routes().rebuild.$post({ param, query: {} })));
}

export async function rollBack(address: string, table: string): Promise<void> {
  const isSure = await confirm({
    title: 'Roll back?',
    text: `The table ${table} catches up with what changed since it served, and then serves again. After a change of model, changed texts are embedded by the former one.`,
    action: 'Roll back',
  });
  if (isSure)
    await begin('Rolling back', address, (param) =>
      ask(routes().rollback.$post({ param, query: {}, json: { table } })),
    );
}

export async function cancelSwitch(address: string): Promise<void> {
  await attempt(
    'Cancelling',
    () => ask(routes()['cancel-switch'].$post({ param: paramOf(address) })),
    'The switch was cancelled.',
  );
  touchDataset(address);
}

function pausesText(address: string): string {
  return `${address} pauses when the work under way is done.`;
}

/** Holds a dataset's work. */
export async function pauseDataset({ address, actorId }: DatasetStatus): Promise<void> {
  const { events } = client.value.v1.actors[':id'];
  await attempt(
    `Pausing ${address}`,
    () => ask(events.$post({ param: { id: actorId }, json: { type: 'dataset.pause' } })),
    pausesText(address),
  );
}

/** Takes back every reason for which a dataset is paused. */
export async function resumeDataset({ address, actorId }: DatasetStatus): Promise<void> {
  const actor = client.value.v1.actors[':id'];
  withdrawToast(pausesText(address));
  await attempt(`Resuming ${address}`, async () => {
    const { context } = await ask(actor.$get({ param: { id: actorId } }));
    const reasons = Array.isArray(context?.pauseReasons) ? context.pauseReasons : [];
    for (const reason of reasons)
      await ask(
        actor.events.$post({
          param: { id: actorId },
          json: { type: 'dataset.resume', reason: String(reason) },
        }),
      );
  });
}

/** @returns Whether it is gone. */
export async function deleteDataset(address: string): Promise<boolean> {
  const isSure = await confirm({
    title: `Delete ${address}?`,
    text: 'Its documents and tables are removed. Vectors stay in the catalog, as they are paid for. This cannot be undone.',
    action: 'Delete',
    isDanger: true,
  });
  if (!isSure) return false;
  showPhase(address, 'deleting');
  const isDone = await attempt(
    `Deleting ${address}`,
    () => ask(routes().$delete({ param: paramOf(address) })),
    `${address} was deleted.`,
  );
  if (isDone) return true;
  showPhase(address, 'idle');
  touchDataset(address);
  return false;
}

export async function cancelTask({ id, kind }: Task): Promise<void> {
  const route = client.value.v1.tasks[':id'].cancel;
  await attempt(`Cancelling ${kind}`, () => ask(route.$post({ param: { id: String(id) }, query: {} })));
}
