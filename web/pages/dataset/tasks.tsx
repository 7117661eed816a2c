import type { JSX } from 'preact';
import type { DatasetEntry } from '../../core/dataset-entry.ts';
import { TaskList } from '../task-list.tsx';

/** What was asked of a dataset, and what became of it. */
export function TasksTab({ entry }: { readonly entry: DatasetEntry }): JSX.Element {
  return <TaskList address={entry.address} />;
}
