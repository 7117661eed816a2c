import { type DatasetAddress, formatAddress } from '../../domain/address.ts';
import { SynclineError } from '../../domain/errors.ts';
import { parseSourceDefinition, type SourceDefinition } from '../../sources/source-definition.ts';
import { type RuntimeCore, requireDataset, withSession } from '../core.ts';
import { sourceNotFound } from './open-sources.ts';
import { isUndeclared, sourcesInCode } from './sources-in-code.ts';

/** How long a started runtime waits before it reads by itself what was just set. */
const FIRST_RUN_DELAY_MS = 10_000;

/** A source of a dataset. */
export interface SourceStatus {
  readonly name: string;
  /** `sql`, `folder`, `jsonl`, or what a program calls its own. */
  readonly kind: string;
  /** As it is stored; secrets stand in it by the names of their variables. `undefined` for one that a program has made. */
  readonly definition: SourceDefinition | undefined;
  /** Documents of it in the catalog. */
  readonly documentCount: number;
  /** Unix milliseconds until which everything that changed was read; `undefined` until a run has ended well. */
  readonly readUntilMs: number | undefined;
  /**
   * The options declare sources of the dataset, but not this one. It is stored, and read all the same: nothing is ever removed
   * because it is missing there.
   */
  readonly isUndeclared: boolean;
}

/** See {@link Dataset.setSources}. */
export function setSources(
  core: RuntimeCore,
  address: DatasetAddress,
  definitions: readonly SourceDefinition[],
  { keepOthers = false }: { readonly keepOthers?: boolean } = {},
): Promise<void> {
  return withSession(core, undefined, async ({ writer }) => {
    const { datasetId } = await requireDataset(core, address);
    await writer.setSources(datasetId, checked(address, definitions), { keepOthers });
    // Whoever sets sources by a call may want to set schedules, and to run by another.
    const { heldBackUntilMs } = core.schedules;
    const untilMs = core.clock.nowMs() + FIRST_RUN_DELAY_MS;
    heldBackUntilMs.set(datasetId, Math.max(untilMs, heldBackUntilMs.get(datasetId) ?? 0));
    core.schedules.changed();
    core.watching.changed();
  });
}

function checked(address: DatasetAddress, definitions: readonly SourceDefinition[]) {
  const names = new Set<string>();
  return definitions.map((definition) => {
    const parsed = parseSourceDefinition(definition);
    const { name } = parsed;
    if (names.has(name)) {
      const message = `The dataset "${formatAddress(address)}" cannot have two sources with the name "${name}".`;
      throw new SynclineError('INVALID_SOURCE', message, { details: { source: name } });
    }
    names.add(name);
    return { name, definitionJson: JSON.stringify(parsed) };
  });
}

/** See {@link Dataset.removeSource}. */
export function removeSource(core: RuntimeCore, address: DatasetAddress, name: string): Promise<void> {
  return withSession(core, undefined, async ({ writer }) => {
    const { datasetId } = await requireDataset(core, address);
    const sources = await (await core.catalog()).listSources(datasetId);
    const others = sources.filter((source) => source.name !== name);
    if (others.length === sources.length) {
      const names = sources.map((source) => source.name);
      throw sourceNotFound(formatAddress(address), name, names);
    }
    await writer.setSources(datasetId, others, { keepOthers: false });
    core.schedules.changed();
    core.watching.changed();
  });
}

/** See {@link Dataset.sources}. */
export async function listSources(core: RuntimeCore, address: DatasetAddress): Promise<SourceStatus[]> {
  const { datasetId } = await requireDataset(core, address);
  const catalog = await core.catalog();
  const inCode = sourcesInCode(core, formatAddress(address));
  const stored = (await catalog.listSources(datasetId))
    .filter(({ name }) => !inCode.some((source) => source.name === name))
    .map(({ name, definitionJson, readUntilMs }) => {
      const definition = JSON.parse(definitionJson) as SourceDefinition;
      return { name, kind: definition.kind as string, definition, readUntilMs };
    });
  const made = inCode.map(({ name, kind }) => ({
    name,
    kind,
    definition: undefined,
    readUntilMs: undefined,
  }));
  return Promise.all(
    [...stored, ...made].map(async (source) => ({
      ...source,
      documentCount: await catalog.countDocuments(datasetId, source.name),
      isUndeclared: isUndeclared(core, formatAddress(address), source.name),
    })),
  );
}
