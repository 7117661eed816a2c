import type { Catalog, CatalogWriter } from '../catalog/catalog.ts';
import { formatAddress } from '../domain/address.ts';
import type { Clock } from '../domain/clock.ts';
import type { EventHub } from './events.ts';

interface StartedTask {
  readonly taskId: number;
  readonly kind: string;
  readonly address: string | undefined;
  readonly startMs: number;
}

/** How a task tells why it failed. */
const FAILURE = /^([A-Z_]+): (.*)$/s;

/** The writer of a session, telling the hub of every task that begins, goes on and ends. */
export function tellTasks(
  writer: CatalogWriter,
  catalog: Catalog,
  hub: EventHub,
  clock: Clock,
): CatalogWriter {
  const started = new Map<number, StartedTask>();
  // An id is never given to another dataset.
  const addresses = new Map<number, string>();
  const addressOf = async (datasetId: number | undefined): Promise<string | undefined> => {
    if (datasetId === undefined) return undefined;
    const known = addresses.get(datasetId);
    if (known !== undefined) return known;
    const [dataset] = await catalog.listDatasets({ afterDatasetId: datasetId - 1, limit: 1 });
    if (dataset?.datasetId !== datasetId) return undefined;
    const address = formatAddress(dataset.address);
    addresses.set(datasetId, address);
    return address;
  };
  const facts = (taskId: number) => {
    const task = started.get(taskId);
    return task && { taskId, kind: task.kind, address: task.address };
  };
  const told: Pick<CatalogWriter, 'startTask' | 'updateTask' | 'finishTask'> = {
    async startTask(task) {
      const startMs = clock.monotonicMs();
      const address = await addressOf(task.datasetId);
      const taskId = await writer.startTask(task);
      started.set(taskId, { taskId, kind: task.kind, address, startMs });
      hub.emit({ type: 'task.started', taskId, kind: task.kind, address });
      return taskId;
    },
    async updateTask(taskId, progress) {
      await writer.updateTask(taskId, progress);
      const task = facts(taskId);
      if (task !== undefined) hub.emit({ type: 'task.progress', ...task, progress: { ...progress } });
    },
    async finishTask(taskId, end) {
      const task = facts(taskId);
      const durationMs = clock.monotonicMs() - (started.get(taskId)?.startMs ?? 0);
      started.delete(taskId);
      await writer.finishTask(taskId, end);
      if (task === undefined) return;
      const [, code, message] = FAILURE.exec(end.error ?? '') ?? [];
      hub.emit({
        type: 'task.ended',
        ...task,
        state: end.state,
        durationMs,
        code,
        ...(message !== undefined && { message }),
      });
    },
  };
  return new Proxy(writer, {
    get(target, name, receiver) {
      return Object.hasOwn(told, name)
        ? told[name as keyof typeof told]
        : Reflect.get(target, name, receiver);
    },
  });
}
