import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { ask, client } from '../core/api.ts';
import { formatCount } from '../core/format.ts';
import type { Task } from '../core/types.ts';
import { Button } from '../ui/controls.tsx';

/** Which records a task did not take in, and why: asked for when somebody wants to know. */
export function RefusedRecords({ task }: { readonly task: Task }): JSX.Element | null {
  const told = useSignal<NonNullable<Task['refused']> | undefined>(undefined);
  const { failedCount = 0, refusedCount = 0 } = task.progress;
  const count = failedCount + refusedCount;
  if (count === 0 || task.state === 'running' || (task.kind !== 'index' && task.kind !== 'ingest'))
    return null;
  const show = async (): Promise<void> => {
    const { refused = [] } = await ask(
      client.value.v1.tasks[':id'].$get({ param: { id: String(task.id) }, query: {} }),
    );
    told.value = refused;
  };
  if (told.value === undefined)
    return (
      <div>
        <Button onPress={show} label={`Show what ${task.kind} ${task.id} refused`}>
          What was refused
        </Button>
      </div>
    );
  return (
    <ul class="problem">
      {told.value.map(({ key, code, detail }, place) => (
        <li key={place}>
          {key !== '' && <b>{key}: </b>}
          {detail} <code>{code}</code>
        </li>
      ))}
      {told.value.length < count && (
        <li>and {formatCount(count - told.value.length)} more, which the log names</li>
      )}
    </ul>
  );
}
