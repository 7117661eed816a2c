import type { CatalogWriter, DatasetRecord } from '../catalog/catalog.ts';
import { formatAddress, parseAddress } from '../domain/address.ts';
import { isSynclineError, SynclineError, toSynclineError } from '../domain/errors.ts';
import { parseFieldTypes } from '../domain/fields.ts';
import type { Source } from '../sources/source.ts';
import { parseSourceDefinition, type SourceDefinition } from '../sources/source-definition.ts';
import { readBatchPolicy, storeBatchPolicy } from './batch/batch-policy.ts';
import { type RuntimeCore, requireDataset } from './core.ts';
import type { CreateDatasetOptions } from './dataset.ts';
import { checkTokensPerChunk, makeDataset } from './dataset-control.ts';
import { isSource } from './indexing/sources-in-code.ts';
import { storeSchedule } from './schedules/dataset-schedules.ts';
import {
  checkScheduleSetting,
  SCHEDULED_RUNS,
  type ScheduleSettings,
} from './schedules/schedule-settings.ts';

/** A dataset as the options declare it. It is made when it is missing; what is not declared stays as it is. */
export interface DeclaredDataset extends CreateDatasetOptions {
  /**
   * Where its documents come from: definitions, which are stored with the dataset, and {@link Source} objects of your own, which
   * are not.
   */
  readonly sources?: readonly (SourceDefinition | Source)[];
  /** When it is indexed by itself, in a started runtime. */
  readonly schedules?: ScheduleSettings;
}

/** Datasets by their addresses: `project/dataset`. */
export type DeclaredDatasets = Readonly<Record<string, DeclaredDataset>>;

const SETTINGS = [
  'fields',
  'tokensPerChunkMax',
  'sources',
  'schedules',
  'batch',
] as const satisfies readonly (keyof DeclaredDataset)[];

/**
 * Checks what is declared, so that a mistake is told before anything begins.
 *
 * @throws SynclineError `INVALID_OPTION`, `INVALID_ADDRESS`, `INVALID_FIELD`, `INVALID_SOURCE`, `INVALID_SCHEDULE`.
 */
export function checkDeclared(datasets: DeclaredDatasets): DeclaredDatasets {
  for (const [address, declared] of Object.entries(datasets)) {
    try {
      checkDataset(address, declared);
    } catch (error) {
      if (!isSynclineError(error) || error.message.includes(address)) throw error;
      const { code, message, details } = error;
      const told = `The dataset "${address}" is declared wrongly: ${message}`;
      throw new SynclineError(code, told, { details: { ...details, address }, cause: error });
    }
  }
  return datasets;
}

function checkDataset(address: string, declared: DeclaredDataset): void {
  parseAddress(address);
  if (typeof declared !== 'object' || declared === null) throw invalid(address, 'is declared by no object');
  const unknown = Object.keys(declared).find((name) => !SETTINGS.some((known) => known === name));
  if (unknown !== undefined)
    throw invalid(address, `is declared with "${unknown}", which is none of ${SETTINGS.join(', ')}`);
  parseFieldTypes(declared.fields ?? {});
  if (declared.tokensPerChunkMax !== undefined) checkTokensPerChunk(declared.tokensPerChunkMax);
  checkSources(address, declared.sources ?? []);
  if (declared.batch !== undefined) readBatchPolicy(declared.batch);
  const unknownRun = Object.keys(declared.schedules ?? {}).find(
    (name) => !SCHEDULED_RUNS.some((known) => known === name),
  );
  if (unknownRun !== undefined)
    throw invalid(
      address,
      `has a schedule for "${unknownRun}", which is no run: there are ${SCHEDULED_RUNS.join(' and ')}`,
    );
  for (const run of SCHEDULED_RUNS) {
    const setting = declared.schedules?.[run];
    if (setting !== undefined) checkScheduleSetting(setting, `${address}, run "${run}"`);
  }
}

function checkSources(address: string, sources: readonly (SourceDefinition | Source)[]): void {
  if (!Array.isArray(sources)) throw invalid(address, 'has sources that are no list');
  const names = new Set<string>();
  for (const source of sources) {
    // What a program has made has the name that its program gave it.
    const { name } = isSource(source) ? source : parseSourceDefinition(source);
    if (names.has(name)) throw invalid(address, `has two sources with the name "${name}"`);
    names.add(name);
  }
}

function invalid(address: string, problem: string): SynclineError {
  return new SynclineError('INVALID_OPTION', `The dataset "${address}" ${problem}.`, {
    details: { option: 'datasets', address },
  });
}

/**
 * Makes what is declared, once for a runtime: missing datasets, and the sources, schedules and batch policies of all. Nothing is ever removed. What
 * cannot be as declared is told by an event, and keeps nothing else from being made.
 */
export function reconcileDeclared(core: RuntimeCore, writer: CatalogWriter): Promise<void> {
  core.declared.reconciled ??= reconcileAll(core, writer).catch((error: unknown) => {
    core.declared.reconciled = undefined;
    throw error;
  });
  return core.declared.reconciled;
}

async function reconcileAll(core: RuntimeCore, writer: CatalogWriter): Promise<void> {
  for (const [address, declared] of Object.entries(core.options.datasets)) {
    try {
      await reconcile(core, writer, address, declared);
    } catch (error) {
      const { code, message } = toSynclineError(error);
      if (code === 'LEASE_LOST' || code === 'ABORTED') throw error;
      core.hub.emit({ type: 'dataset.declarationFailed', address, code, message });
    }
  }
}

async function reconcile(
  core: RuntimeCore,
  writer: CatalogWriter,
  address: string,
  declared: DeclaredDataset,
): Promise<void> {
  const dataset = await findOrMake(core, writer, address, declared);
  const definitions = (declared.sources ?? [])
    .filter((source) => !isSource(source))
    .map((source) => ({ name: source.name, definitionJson: JSON.stringify(parseSourceDefinition(source)) }));
  if (definitions.length > 0) await writer.setSources(dataset.datasetId, definitions, { keepOthers: true });
  for (const run of SCHEDULED_RUNS) {
    const setting = declared.schedules?.[run];
    if (setting !== undefined) await storeSchedule(core, writer, dataset.datasetId, run, setting);
  }
  if (declared.sources?.some(isSource)) await beginDefault(core, writer, dataset.datasetId);
  if (declared.batch !== undefined) await storeBatchPolicy(core, writer, dataset, declared.batch);
  requireSame(dataset, declared);
}

/** Since when a source in code is there knows nobody: from now on, what is due by default and missed is made up for. */
async function beginDefault(core: RuntimeCore, writer: CatalogWriter, datasetId: number): Promise<void> {
  const stored = await (await core.catalog()).listSchedules(datasetId);
  if (!stored.some(({ run }) => run === 'full'))
    await storeSchedule(core, writer, datasetId, 'full', 'default');
}

async function findOrMake(
  core: RuntimeCore,
  writer: CatalogWriter,
  address: string,
  { fields, tokensPerChunkMax }: DeclaredDataset,
): Promise<DatasetRecord> {
  const parsed = parseAddress(address);
  try {
    return await requireDataset(core, parsed);
  } catch (error) {
    if (!isSynclineError(error, 'DATASET_NOT_FOUND')) throw error;
    return makeDataset(core, writer, parsed, {
      ...(fields && { fields }),
      ...(tokensPerChunkMax !== undefined && { tokensPerChunkMax }),
    });
  }
}

/** @throws SynclineError `DATASET_EXISTS` where the dataset was made otherwise: what that takes is not done unasked. */
function requireSame(dataset: DatasetRecord, { fields, tokensPerChunkMax }: DeclaredDataset): void {
  const address = formatAddress(dataset.address);
  const told = 'its sources and schedules are as declared';
  if (fields !== undefined && !sameFields(fields, dataset.fields)) {
    throw new SynclineError(
      'DATASET_EXISTS',
      `The dataset "${address}" was made with other fields than are declared; ${told}. Fields cannot be changed: declare another dataset, or delete this one.`,
    );
  }
  const { chunking, target } = dataset;
  const sizes = [chunking.tokensPerChunkMax, target?.chunking.tokensPerChunkMax];
  if (tokensPerChunkMax !== undefined && !sizes.includes(tokensPerChunkMax)) {
    throw new SynclineError(
      'DATASET_EXISTS',
      `The dataset "${address}" cuts documents by ${chunking.tokensPerChunkMax} tokens, not by the ${tokensPerChunkMax} that are declared; ${told}. Changing that embeds everything anew: "syncline dataset reconfigure".`,
    );
  }
}

function sameFields(declared: object, stored: object): boolean {
  const sorted = (fields: object): string => JSON.stringify(Object.entries(fields).sort());
  return sorted(declared) === sorted(stored);
}
