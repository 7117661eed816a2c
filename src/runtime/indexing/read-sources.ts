import { isSynclineError, SynclineError, toSynclineError } from '../../domain/errors.ts';
import { applyDelta, tablesOf } from './apply-delta.ts';
import type { IndexRun } from './index-run.ts';
import type { OpenedSource } from './open-sources.ts';
import { readRefused } from './refused-changes.ts';
import { scanSource } from './scan-source.ts';
import { isUndeclared } from './sources-in-code.ts';

/** One thing to read. */
interface Reading {
  /** The source that it reads; `undefined` where it reads several. */
  readonly source: string | undefined;
  /** Resolves with whether its source was read in full, and what it does not give any more is gone. */
  readonly read: () => Promise<boolean>;
}

interface FailedReading extends Pick<Reading, 'source'> {
  readonly error: unknown;
}

/**
 * Reads every source. One that fails keeps none of the others from being read, nor what they gave from being indexed: its error
 * is returned, to be told afterwards.
 */
export async function readSources(
  run: IndexRun,
  sources: readonly OpenedSource[],
): Promise<SynclineError | undefined> {
  const { core, dataset, options, work } = run;
  const { lastChangeId } = await (await core.catalog()).countRefusedChanges(dataset.datasetId);
  const failures: FailedReading[] = [];
  let isClean = options.source === undefined;
  for (const { source, read } of readings(run, sources)) {
    try {
      isClean = (await read()) && isClean;
    } catch (error) {
      if (endsRun(run, error)) throw error;
      failures.push({ source, error });
    }
  }
  const [first, ...others] = failures;
  if (first !== undefined) return toFailure(run, first, others);
  // A full run has found out about them again, and was allowed to.
  if (isClean && lastChangeId > 0) await work.writer.forgetRefusedChanges(dataset.datasetId, lastChangeId);
  return undefined;
}

/** Whether nothing more is to be done after an error: nobody wants it any more, or somebody else does it. */
export function endsRun({ task }: Pick<IndexRun, 'task'>, error: unknown): boolean {
  const codes = ['LEASE_LOST', 'DATASET_DELETING', 'DATASET_NOT_FOUND'] as const;
  return task.signal.aborted || isSynclineError(error, ...codes);
}

function readings(run: IndexRun, sources: readonly OpenedSource[]): Reading[] {
  const { changedIds, full: isFull = false, allowMassDeletion, source: only } = run.options;
  if (changedIds !== undefined) {
    const unknownOf = new Map<string, ReadonlySet<string>>();
    return tablesOf(sources, changedIds).map(([{ source }, table]) => ({
      source: source.name,
      read: async () => {
        const here = await applyDelta(run, source, table, changedIds[table] ?? []);
        const before = unknownOf.get(table);
        // Known to one of the sources that have the table is known.
        const unknown = before === undefined ? here : here.intersection(before);
        run.counts.unknownCount += unknown.size - (before?.size ?? 0);
        unknownOf.set(table, unknown);
        return false;
      },
    }));
  }
  const scans = sources.map((opened) => ({
    source: opened.source.name,
    read: () => scanSource(run, opened, { isFull }),
  }));
  if (!allowMassDeletion || isFull || only !== undefined) return scans;
  const read = async (): Promise<boolean> => {
    await readRefused(run, sources);
    return false;
  };
  return [...scans, { source: undefined, read }];
}

/** The first failure, with the dataset it is of, which other sources failed, and which of them nobody may want to be read. */
function toFailure(
  { address, core }: Pick<IndexRun, 'address' | 'core'>,
  { error, source: failed }: FailedReading,
  others: readonly FailedReading[],
): SynclineError {
  const failure = toSynclineError(error);
  const { code, message, retryable, details } = failure;
  const namesOf = (readings: readonly Pick<Reading, 'source'>[]) => [
    ...new Set(readings.flatMap(({ source }) => (source === undefined ? [] : [source]))),
  ];
  const names = namesOf(others).map((name) => `"${name}"`);
  const undeclared = namesOf([{ source: failed }, ...others]).filter((name) =>
    isUndeclared(core, address, name),
  );
  const told = [
    message.includes(`"${address}"`)
      ? message
      : `The dataset "${address}" cannot be read in full: ${message}`,
    ...(names.length === 0 ? [] : [`Failed as well: ${names.join(', ')}.`]),
    ...undeclared.map(
      (name) =>
        `The source "${name}" is stored, but not (or not any more) in your configuration. If it is not to be read: "syncline source remove ${address} ${name}", or removeSource().`,
    ),
  ].join(' ');
  return new SynclineError(code, told, { retryable, details: { ...details, address }, cause: failure });
}
