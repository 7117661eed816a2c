import { SynclineError } from './errors.ts';

/** Where a dataset is found: `project/dataset`. */
export interface DatasetAddress {
  readonly project: string;
  readonly dataset: string;
}

/** Longest project or dataset name, in characters. Table names contain both and end up as folder names (at most 255 bytes). */
const NAME_LENGTH_MAX = 64;
const NAME = /^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$/i;

/**
 * Reads `project/dataset`.
 *
 * @throws SynclineError `INVALID_ADDRESS` when it is not two names of letters, digits, `.`, `_`, `-`, each of 1 to 64 characters.
 */
export function parseAddress(address: string): DatasetAddress {
  const [project, dataset, ...rest] = address.split('/');
  if (project === undefined || dataset === undefined || rest.length > 0) {
    throw invalidAddress(address, 'it needs the form project/dataset');
  }
  parseProjectName(project);
  if (!isName(dataset)) throw invalidAddress(address, `the dataset name "${dataset}" is not allowed`);
  return { project, dataset };
}

/** Checks a project name by the rules of {@link parseAddress} and returns it. */
export function parseProjectName(project: string): string {
  if (!isName(project)) throw invalidAddress(project, `the project name "${project}" is not allowed`);
  return project;
}

/** `project/dataset`, as {@link parseAddress} reads it. */
export function formatAddress(address: DatasetAddress): string {
  return `${address.project}/${address.dataset}`;
}

function isName(name: string): boolean {
  return name.length <= NAME_LENGTH_MAX && NAME.test(name);
}

function invalidAddress(address: string, reason: string): SynclineError {
  return new SynclineError(
    'INVALID_ADDRESS',
    `"${address}" is not a dataset address: ${reason}. Use letters, digits, ".", "_" and "-", at most ${NAME_LENGTH_MAX} characters each, such as "docs/website".`,
    { details: { address } },
  );
}
