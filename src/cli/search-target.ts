import { SynclineError } from '../domain/errors.ts';
import type { SearchOptions, SearchResult, Syncline } from '../index.ts';

/** What to search: one dataset, or all of a project. */
export type SearchTarget = { readonly dataset: string } | { readonly project: string };

/** Project names listed in an error. */
const PROJECTS_LISTED_MAX = 10;

/**
 * The target that was asked for; without one, the only project there is.
 *
 * @throws SynclineError `INVALID_OPTION` when there are several projects, `DATASET_NOT_FOUND` when there are none.
 */
export async function chooseTarget(
  runtime: Syncline,
  asked: { readonly dataset?: string; readonly project?: string },
): Promise<SearchTarget> {
  if (asked.dataset !== undefined) return { dataset: asked.dataset };
  if (asked.project !== undefined) return { project: asked.project };
  const projects = new Set<string>();
  for await (const address of runtime.datasets()) {
    projects.add(address.slice(0, address.indexOf('/')));
    if (projects.size > PROJECTS_LISTED_MAX) break;
  }
  const [project, ...others] = projects;
  if (project === undefined) {
    throw new SynclineError(
      'DATASET_NOT_FOUND',
      'There are no datasets. Add documents with "syncline add FOLDER".',
    );
  }
  if (others.length === 0) return { project };
  const names = [...projects].slice(0, PROJECTS_LISTED_MAX).join(', ');
  const more = projects.size > PROJECTS_LISTED_MAX ? ', …' : '';
  throw new SynclineError(
    'INVALID_OPTION',
    `There are several projects (${names}${more}). Say which to search, with --project or --dataset.`,
    { details: { projects: [...projects] } },
  );
}

export function searchTarget(
  runtime: Syncline,
  target: SearchTarget,
  query: string,
  options: SearchOptions,
): Promise<SearchResult[]> {
  return 'dataset' in target
    ? runtime.dataset(target.dataset).search(query, options)
    : runtime.search(target.project, query, options);
}
