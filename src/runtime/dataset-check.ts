import type { DatasetRecord } from '../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../domain/address.ts';
import { isSynclineError, SynclineError, throwIfAborted } from '../domain/errors.ts';
import { isAtLeast, SYNC_KINDS, type SyncLevel, type SyncReport } from '../domain/sync-report.ts';
import { checkSync, type SyncCheck, type SyncSubject } from '../pipeline/check-sync.ts';
import type { DatasetWork } from '../pipeline/work.ts';
import { type Attended, type RuntimeCore, requireDataset, withActor, withSession } from './core.ts';
import type { CheckOptions } from './dataset.ts';
import { runTask } from './task.ts';
import { waitUntilMended } from './wait-until-indexed.ts';

/** Checks of a dataset that another process writes to, before it is given up. */
const ATTEMPTS_MAX = 6;
/** Where this runtime is the one that writes, it holds back its commits the second time. */
const OWN_ATTEMPTS_MAX = 2;
/** Wait before the second attempt; it doubles with each. A commit and its mark are some 50 ms apart. */
const FIRST_PAUSE_MS = 50;

/** See {@link Dataset.check}. */
export async function checkDataset(
  core: RuntimeCore,
  address: DatasetAddress,
  options: CheckOptions = {},
): Promise<SyncReport> {
  const { level = 'quick', repair = false, signal } = options;
  const isTask = repair || options.onTask !== undefined;
  if (isTask) return checkAsTask(core, address, { ...options, level, repair });
  throwIfAborted(signal);
  return lookAndTell(core, await requireDataset(core, address), level, signal);
}

/** As a task that is listed; of a repair, both checks are a part. */
function checkAsTask(
  core: RuntimeCore,
  address: DatasetAddress,
  { level, repair, signal: outerSignal, onTask }: CheckOptions & { level: SyncLevel; repair: boolean },
): Promise<SyncReport> {
  return withSession(core, outerSignal, async ({ writer }, sessionSignal) => {
    const dataset = await requireDataset(core, address);
    const { datasetId } = dataset;
    const spec = { kind: repair ? 'repair' : 'check', datasetId, signal: sessionSignal, onTask };
    return runTask(core, writer, spec, async ({ signal, progress }) => {
      const found = await lookAndTell(core, dataset, level, signal);
      for (const kind of SYNC_KINDS) if (found[kind].count > 0) progress[kind] = found[kind].count;
      return repair && !found.inSync ? repairDataset(core, dataset, found, signal) : found;
    });
  });
}

async function lookAndTell(
  core: RuntimeCore,
  dataset: DatasetRecord,
  level: SyncLevel,
  signal: AbortSignal | undefined,
): Promise<SyncReport> {
  const report = await checkInPeace(core, dataset, level, signal);
  core.hub.emit({ type: 'sync.checked', address: report.address, report });
  return report;
}

/** Lets the dataset's actor put right what was found, and checks again. */
async function repairDataset(
  core: RuntimeCore,
  dataset: DatasetRecord,
  found: SyncReport,
  signal: AbortSignal,
): Promise<SyncReport> {
  const { level } = found;
  await withActor(core, dataset, signal, (work, attended) => mend(core, dataset, level, work, attended));
  const after = await lookAndTell(core, dataset, level, signal);
  if (!after.inSync) throw stillDiffers(after);
  return { ...found, repaired: found.proposal, durationMs: found.durationMs };
}

/** Asks the dataset's actor for a check that looks as closely, and waits until it rests on a sound table with nothing to do. */
async function mend(
  core: RuntimeCore,
  dataset: DatasetRecord,
  level: SyncLevel,
  work: DatasetWork,
  attended: Attended,
): Promise<void> {
  const { datasetId } = dataset;
  const address = formatAddress(dataset.address);
  const asked = work.checkAsked.level;
  if (asked === undefined || isAtLeast(level, asked)) work.checkAsked.level = level;
  core.supervision?.tell(datasetId, address, { type: 'dataset.check' });
  core.actors.send(datasetId, { type: 'dataset.check' });
  const catalog = await core.catalog();
  await waitUntilMended(datasetId, address, work, { catalog, actors: core.actors, ...attended });
}

function stillDiffers({ address, reason }: SyncReport): SynclineError {
  return new SynclineError(
    'TABLE_DAMAGED',
    `The table of "${address}" was repaired and differs from the catalog all the same: ${reason}. If something else writes to the folder of tables, stop it; then check again.`,
    { details: { address } },
  );
}

/** Checks without holding anybody up, and again when somebody has written in between. */
async function checkInPeace(
  core: RuntimeCore,
  dataset: DatasetRecord,
  level: SyncLevel,
  signal: AbortSignal | undefined,
): Promise<SyncReport> {
  const { store, clock } = core;
  const { repairShareMax } = core.options;
  const subject: SyncSubject = { dataset, catalog: await core.catalog(), store, clock, repairShareMax };
  const work = await core.ownWork(dataset.datasetId);
  const startMs = clock.monotonicMs();
  for (let attempt = 1; ; attempt += 1) {
    const isLast = attempt === (work === undefined ? ATTEMPTS_MAX : OWN_ATTEMPTS_MAX);
    const look = (): Promise<SyncCheck> => checkSync(subject, level, signal);
    try {
      const { report } = await (work !== undefined && isLast ? work.writing.run(look) : look());
      if (isLast || !(await isInMidCommit(core, report)))
        return { ...report, durationMs: clock.monotonicMs() - startMs };
    } catch (error) {
      if (isLast || !isSynclineError(error, 'CHECK_INTERRUPTED')) throw error;
    }
    await pause(core, FIRST_PAUSE_MS * 2 ** (attempt - 1), signal);
  }
}

/** A table that is ahead of its mark while somebody works on the catalog is most likely about to be marked. */
async function isInMidCommit(core: RuntimeCore, { proposal }: SyncReport): Promise<boolean> {
  if (proposal !== 'putBack') return false;
  return (await (await core.catalog()).readLease()) !== undefined;
}

async function pause(core: RuntimeCore, delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  throwIfAborted(signal);
  const over = Promise.withResolvers<void>();
  const callOff = core.clock.setTimer(delayMs, over.resolve);
  signal?.addEventListener('abort', () => over.resolve(), { once: true });
  await over.promise;
  callOff();
  throwIfAborted(signal);
}
