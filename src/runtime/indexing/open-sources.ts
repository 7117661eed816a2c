import type { DatasetRecord, StoredSource } from '../../catalog/catalog.ts';
import { formatAddress } from '../../domain/address.ts';
import { SynclineError } from '../../domain/errors.ts';
import type { Source } from '../../sources/source.ts';
import { parseSourceDefinition } from '../../sources/source-definition.ts';
import type { RuntimeCore } from '../core.ts';
import { sourcesInCode } from './sources-in-code.ts';

/** A source that can be read. */
export interface OpenedSource {
  readonly source: Source;
  /** As the catalog has it; `undefined` for one that was given in code. */
  readonly stored: StoredSource | undefined;
}

/**
 * Opens the sources of a dataset: those that are stored with it, and those that a program has made and given in the options,
 * of which one of the same name comes first. Reads nothing yet.
 *
 * @throws SynclineError `SOURCE_NOT_FOUND` when there is none of the wanted name, `INVALID_SOURCE`.
 */
export async function openSources(
  core: RuntimeCore,
  { datasetId, address }: Pick<DatasetRecord, 'datasetId' | 'address'>,
  wanted: string | undefined,
): Promise<readonly OpenedSource[]> {
  const inCode = sourcesInCode(core, formatAddress(address));
  const all: (() => OpenedSource)[] = [];
  const names: string[] = [];
  for (const stored of await (await core.catalog()).listSources(datasetId)) {
    if (inCode.some(({ name }) => name === stored.name)) continue;
    names.push(stored.name);
    all.push(() => ({
      source: core.openSource(parseSourceDefinition(JSON.parse(stored.definitionJson))),
      stored,
    }));
  }
  for (const source of inCode) {
    names.push(source.name);
    all.push(() => ({ source, stored: undefined }));
  }
  if (wanted === undefined) return all.map((open) => open());
  const open = all[names.indexOf(wanted)];
  if (open !== undefined) return [open()];
  throw sourceNotFound(formatAddress(address), wanted, names);
}

/** The error about a source that is not there. */
export function sourceNotFound(address: string, wanted: string, names: readonly string[]): SynclineError {
  const there = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
  return new SynclineError(
    'SOURCE_NOT_FOUND',
    `The dataset "${address}" has no source "${wanted}"; ${there}.`,
    {
      details: { address, source: wanted },
    },
  );
}
