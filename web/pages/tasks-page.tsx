import type { JSX } from 'preact';

/** Long work of all datasets. */
export function TasksPage(): JSX.Element {
  return <h1>Tasks</h1>;
}
