import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { ask, client, paramOf } from '../core/api.ts';
import { cancelTask } from '../core/dataset-actions.ts';
import { formatCount, formatDuration, formatUsd, nowMs } from '../core/format.ts';
import { onLive } from '../core/live.ts';
import { usePages } from '../core/load.ts';
import { datasetLink } from '../core/router.ts';
import type { Task } from '../core/types.ts';
import { Button, WriteOnly } from '../ui/controls.tsx';
import { ListEnd } from '../ui/more.tsx';
import { Ago, Badge, type Tone } from '../ui/parts.tsx';
import { RefusedRecords } from './refused-records.tsx';

const TONES: Readonly<Record<Task['state'], Tone>> = {
  running: 'busy',
  succeeded: 'ok',
  failed: 'bad',
  cancelled: 'still',
};

/** Tasks, the newest first, live: of one dataset, or of all. */
export function TaskList({ address }: { readonly address?: string }): JSX.Element {
  const pages = usePages<Task>(
    (after) =>
      ask(
        client.value.v1.tasks.$get({
          query: { ...(address !== undefined && paramOf(address)), ...(after !== undefined && { after }) },
        }),
      ),
    [address],
  );
  const counts = useSignal<ReadonlyMap<number, Task['progress']>>(new Map());
  useEffect(
    () =>
      onLive(({ type, data }) => {
        if (type === 'snapshot') void pages.reload();
        if (type !== 'task' || (address !== undefined && data.address !== address)) return;
        if (data.type === 'task.progress')
          counts.value = new Map([
            ...counts.peek(),
            [Number(data.taskId), data.progress as Task['progress']],
          ]);
        else void pages.reload();
      }),
    [address],
  );
  const tasks = pages.items.value ?? [];
  return (
    <>
      {tasks.length > 0 && (
        <table class="table stack">
          <thead>
            <tr>
              <th scope="col">Task</th>
              {address === undefined && <th scope="col">Dataset</th>}
              <th scope="col">State</th>
              <th scope="col">Began</th>
              <th scope="col">Took</th>
              <th scope="col">Counts</th>
              <th scope="col">
                <span class="hidden">What can be done</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {tasks.map((task) => (
              <TaskRow
                key={task.id}
                task={{ ...task, progress: counts.value.get(task.id) ?? task.progress }}
                withDataset={address === undefined}
              />
            ))}
          </tbody>
        </table>
      )}
      <ListEnd pages={pages} empty="No task was asked for yet." />
    </>
  );
}

function TaskRow({ task, withDataset }: { readonly task: Task; readonly withDataset: boolean }): JSX.Element {
  const { id, kind, state, dataset, startedAt, finishedAt, progress, failure } = task;
  const endMs = finishedAt === undefined ? nowMs.value : Date.parse(finishedAt);
  return (
    <tr>
      <th scope="row" class="nowrap">
        {kind} <span class="muted">#{id}</span>
      </th>
      {withDataset && (
        <td data-label="Dataset" class="text">
          {dataset === undefined ? (
            <span class="muted">–</span>
          ) : (
            <a href={datasetLink(dataset)}>{dataset}</a>
          )}
        </td>
      )}
      <td data-label="State" class="text">
        <Badge tone={TONES[state]}>{state}</Badge>
        {failure !== undefined && (
          <div class={state === 'failed' ? 'problem' : 'muted'}>
            {failure.detail} <code>{failure.code}</code>
          </div>
        )}
      </td>
      <td data-label="Began" class="nowrap">
        <Ago at={startedAt} />
      </td>
      <td data-label="Took" class="nowrap">
        {formatDuration(Math.max(0, endMs - Date.parse(startedAt)))}
      </td>
      <td data-label="Counts" class="text muted">
        {Object.entries(progress)
          .filter(([, count]) => count > 0)
          .map(([name, count]) =>
            name === 'costUsd' ? formatUsd(count) : `${formatCount(count)} ${wordsOf(name, count)}`,
          )
          .join(', ')}
        <RefusedRecords task={task} />
      </td>
      <td class="end">
        {state === 'running' && (
          <WriteOnly>
            <Button onPress={() => cancelTask(task)} label={`Cancel ${kind} ${id}`}>
              Cancel
            </Button>
          </WriteOnly>
        )}
      </td>
    </tr>
  );
}

/** `addedCount` → `added`, `rowCount` → `rows`, `rowsRemoved` → `rows removed`, one `row removed` */
function wordsOf(name: string, count: number): string {
  const words = name
    .replace(/Count$/, '')
    .replace(/([A-Z])/g, ' $1')
    .toLowerCase();
  if (count === 1) return words.replace(/^(row|text|chunk|document|token)s\b/, '$1');
  return /(?:row|text|chunk|document)$/.test(words) ? `${words}s` : words;
}
