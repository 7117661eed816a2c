import type { JSX } from 'preact';
import { path } from '../core/router.ts';

/** One dataset. */
export function DatasetPage(): JSX.Element {
  const [, project, dataset] = path.value;
  return (
    <h1>
      {project}/{dataset}
    </h1>
  );
}
