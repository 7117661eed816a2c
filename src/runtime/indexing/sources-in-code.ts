import type { Source } from '../../sources/source.ts';
import type { SourceDefinition } from '../../sources/source-definition.ts';
import type { ResolvedOptions } from '../options.ts';

/** Whether it is an object that a program has made, rather than the definition of one. */
export function isSource(source: SourceDefinition | Source): source is Source {
  return typeof source === 'object' && source !== null && 'extractAll' in source;
}

/**
 * Whether the options declare sources of a dataset, but none of this name: it was there and was taken out, or it was set by a call.
 * As nothing is ever removed because it is missing there, it goes on being read.
 */
export function isUndeclared(
  { options }: { readonly options: Pick<ResolvedOptions, 'datasets'> },
  address: string,
  name: string,
): boolean {
  const declared = options.datasets[address]?.sources;
  return declared !== undefined && !declared.some((source) => source.name === name);
}

/** The sources of a dataset that a program has made and given in the options. */
export function sourcesInCode(
  { options }: { readonly options: Pick<ResolvedOptions, 'datasets'> },
  address: string,
): readonly Source[] {
  return (options.datasets[address]?.sources ?? []).filter(isSource);
}
