import { SynclineError } from '../domain/errors.ts';
import type { DeclaredDataset } from '../index.ts';
import type { CommandContext } from './run-command.ts';

/**
 * Refuses to set what the configuration declares for a dataset: the next process that works would put it back.
 *
 * @param what - What is to be set, with a capital: `The schedule "full"`.
 * @throws SynclineError `INVALID_OPTION`.
 */
export async function refuseDeclared(
  { config }: CommandContext,
  address: string,
  what: string,
  isDeclared: (declared: DeclaredDataset) => boolean,
): Promise<void> {
  const { options, file } = await config();
  const declared = options.datasets?.[address];
  if (declared === undefined || !isDeclared(declared)) return;
  throw new SynclineError(
    'INVALID_OPTION',
    `${what} of "${address}" is declared in your configuration${file === undefined ? '' : ` (${file})`}, which puts it back whenever work begins. Change it there.`,
    { details: { option: 'datasets', address } },
  );
}

/** Whether a dataset is declared with a source of that name. */
export function declaresSource({ sources = [] }: DeclaredDataset, name: string): boolean {
  return sources.some((source) => source.name === name);
}
