import { type Actor, createActor, fromPromise } from 'xstate';
import { type BackoffSettings, backoffMs, type Failure, toFailure } from '../../actors/failure.ts';
import {
  DEFAULT_SCHEDULER_SETTINGS,
  type DueRun,
  type Look,
  schedulerMachine,
} from '../../actors/scheduler-machine.ts';
import type { ScheduledRun, StoredSchedule } from '../../catalog/catalog.ts';
import { parseAddress } from '../../domain/address.ts';
import { type ErrorCode, isSynclineError } from '../../domain/errors.ts';
import { type RuntimeCore, withSession } from '../core.ts';
import { indexDataset } from '../indexing/index-dataset.ts';
import { indexNoted } from '../indexing/noted-changes.ts';
import { machineClock } from '../system-clock.ts';
import { lookAtSchedules } from './look.ts';

/** How long a dataset is left alone after a run of it has failed. */
const HELD_BACK_MS = 60_000;
/** A run that has failed is tried again for some hours, about five at most, before it waits for its next time: that may be in a week. */
const RETRY: BackoffSettings = { firstMs: 60_000, maxMs: 3_600_000, failuresMax: 10 };
/** Trying again does not help; and what a provider or a spend cap holds up was read, and goes on without a run. */
const FOR_A_PERSON: ReadonlySet<string> = new Set<ErrorCode>([
  'INVALID_OPTION',
  'INVALID_SOURCE',
  'MASS_DELETION_REFUSED',
  'PACKAGE_MISSING',
  'PROFILE_MISMATCH',
  'PROVIDER_AUTH',
  'PROVIDER_QUOTA',
  'SOURCE_NOT_FOUND',
  'SPEND_CAP_REACHED',
]);

/** Who runs what is due, as long as a worker runs. */
export interface Scheduler {
  readonly actor: Actor<typeof schedulerMachine>;
  /** Aborts the runs under way; they are due again for the next worker. */
  stop(): void;
}

export function startScheduler(core: RuntimeCore): Scheduler {
  const logic = schedulerMachine.provide({
    actors: {
      look: fromPromise<Look>(() => lookAtSchedules(core)),
      run: fromPromise<void, DueRun>(({ input, signal }) => runDue(core, input, signal)),
    },
  });
  const actor = createActor(logic, {
    input: { settings: DEFAULT_SCHEDULER_SETTINGS },
    id: 'scheduler:1',
    systemId: 'scheduler:1',
    inspect: core.inspection.next,
    clock: machineClock(core.clock),
  });
  actor.start();
  return { actor, stop: () => void actor.stop() };
}

/** Does what is due, and notes how it ended; never rejects. One that was cut short stays due. */
async function runDue(core: RuntimeCore, due: DueRun, signal: AbortSignal): Promise<void> {
  const { datasetId, address, run } = due;
  const lastRunAtMs = core.clock.nowMs();
  const parsed = parseAddress(address);
  let failure: Failure | undefined;
  try {
    if (run === 'noted') await indexNoted(core, parsed, signal);
    else await indexDataset(core, parsed, { full: run === 'full', signal });
  } catch (error) {
    if (signal.aborted || isSynclineError(error, 'LEASE_LOST', 'RUNTIME_STOPPED')) return;
    failure = toFailure(error);
  }
  if (run === 'noted') {
    if (failure !== undefined) tellFailure(core, due, failure, core.clock.nowMs() + HELD_BACK_MS);
    return;
  }
  try {
    const { retryAtMs, failureCount } = await planRetry(core, datasetId, run, failure);
    if (failure !== undefined) tellFailure(core, due, failure, retryAtMs);
    const lastError = failure && `${failure.code}: ${failure.message}`;
    // What became due during the run was read by it.
    const outcome = { doneUntilMs: core.clock.nowMs(), lastRunAtMs, lastError, retryAtMs, failureCount };
    await withSession(core, signal, ({ writer }) => writer.noteScheduledRun(datasetId, run, outcome));
  } catch (error) {
    if (signal.aborted || isSynclineError(error, 'DATASET_NOT_FOUND', 'DATASET_DELETING')) return;
    // It stays due.
    tellFailure(core, due, toFailure(error), core.clock.nowMs() + HELD_BACK_MS);
  }
}

/** When a run that has failed is tried again, if that may help, and how often it has failed since it was due. */
async function planRetry(
  core: RuntimeCore,
  datasetId: number,
  run: ScheduledRun,
  failure: Failure | undefined,
): Promise<Pick<StoredSchedule, 'retryAtMs' | 'failureCount'>> {
  if (failure === undefined) return { retryAtMs: undefined, failureCount: 0 };
  const schedules = await (await core.catalog()).listSchedules(datasetId);
  const before = schedules.find((schedule) => schedule.run === run);
  const failureCount = (before?.retryAtMs === undefined ? 0 : before.failureCount) + 1;
  if (FOR_A_PERSON.has(failure.code) || failureCount > RETRY.failuresMax)
    return { retryAtMs: undefined, failureCount };
  const waitMs = backoffMs(failureCount, failure, RETRY, core.clock.random);
  return { retryAtMs: core.clock.nowMs() + waitMs, failureCount };
}

function tellFailure(
  core: RuntimeCore,
  { datasetId, address, run }: DueRun,
  { code, message }: Failure,
  retryAtMs: number | undefined,
): void {
  core.hub.emit({ type: 'schedule.failed', address, run, code, message, retryAtMs });
  core.schedules.heldBackUntilMs.set(datasetId, core.clock.nowMs() + HELD_BACK_MS);
}
