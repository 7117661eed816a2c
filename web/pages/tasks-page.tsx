import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { TaskList } from './task-list.tsx';

/** Long work of all datasets. */
export function TasksPage(): JSX.Element {
  useEffect(() => {
    document.title = 'Tasks · Syncline';
  }, []);
  return (
    <>
      <div class="page-head">
        <h1>Tasks</h1>
      </div>
      <TaskList />
    </>
  );
}
