import { type Actor, createActor, fromPromise } from 'xstate';
import {
  DEFAULT_SCHEDULER_SETTINGS,
  type DueRun,
  type Look,
  schedulerMachine,
} from '../../actors/scheduler-machine.ts';
import { parseAddress } from '../../domain/address.ts';
import { isSynclineError, toSynclineError } from '../../domain/errors.ts';
import { type RuntimeCore, withSession } from '../core.ts';
import { indexDataset } from '../indexing/index-dataset.ts';
import { indexNoted } from '../indexing/noted-changes.ts';
import { machineClock } from '../system-clock.ts';
import { lookAtSchedules } from './look.ts';

/** How long a dataset is left alone after a run of it has failed. */
const HELD_BACK_MS = 60_000;

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
async function runDue(
  core: RuntimeCore,
  { datasetId, address, run }: DueRun,
  signal: AbortSignal,
): Promise<void> {
  const lastRunAtMs = core.clock.nowMs();
  const parsed = parseAddress(address);
  let lastError: string | undefined;
  try {
    if (run === 'noted') await indexNoted(core, parsed, signal);
    else await indexDataset(core, parsed, { full: run === 'full', signal });
  } catch (error) {
    if (signal.aborted || isSynclineError(error, 'LEASE_LOST', 'RUNTIME_STOPPED')) return;
    const { code, message } = toSynclineError(error);
    lastError = `${code}: ${message}`;
    core.hub.emit({ type: 'schedule.failed', address, run, code, message });
    core.schedules.heldBackUntilMs.set(datasetId, core.clock.nowMs() + HELD_BACK_MS);
  }
  if (run === 'noted') return;
  try {
    // What became due during the run was read by it.
    const outcome = { doneUntilMs: core.clock.nowMs(), lastRunAtMs, lastError };
    await withSession(core, signal, ({ writer }) => writer.noteScheduledRun(datasetId, run, outcome));
  } catch (error) {
    if (signal.aborted || isSynclineError(error, 'DATASET_NOT_FOUND', 'DATASET_DELETING')) return;
    const { code, message } = toSynclineError(error);
    core.hub.emit({ type: 'schedule.failed', address, run, code, message });
    core.schedules.heldBackUntilMs.set(datasetId, core.clock.nowMs() + HELD_BACK_MS);
  }
}
