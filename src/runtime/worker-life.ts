import { SynclineError } from '../domain/errors.ts';
import { loadTokenizer } from '../pipeline/estimate-tokens.ts';
import { type RuntimeCore, withSession } from './core.ts';
import { reconcileDeclared } from './declared-datasets.ts';
import { startScheduler } from './schedules/scheduler.ts';
import { createSupervision, type Supervision } from './supervision.ts';

/* The beginning and the end of a runtime's worker. */

/** See `Runtime.start`. */
export async function startWorker(core: RuntimeCore): Promise<void> {
  assertMayStart(core);
  // One that is on its way out gives the lease back first.
  if (core.supervision?.isHalting) {
    await core.supervision.ended;
    assertMayStart(core);
  }
  if (core.supervision === undefined) begin(core);
  // Now rather than while it serves: making its table holds up the event loop.
  await loadTokenizer();
  await core.supervision?.started;
  await beginSchedules(core);
  if (core.supervision !== undefined) core.watching.begin(core, core.supervision.over);
}

/** Makes what the options declare, then begins to run what is due. Ends with the worker. */
async function beginSchedules(core: RuntimeCore): Promise<void> {
  const { supervision, schedules } = core;
  if (supervision === undefined || schedules.scheduler !== undefined) return;
  if (Object.keys(core.options.datasets).length > 0)
    await withSession(core, undefined, ({ writer }) => reconcileDeclared(core, writer));
  if (supervision.over.aborted || schedules.scheduler !== undefined) return;
  const scheduler = startScheduler(core);
  schedules.scheduler = scheduler;
  const stop = (): void => {
    scheduler.stop();
    if (schedules.scheduler === scheduler) schedules.scheduler = undefined;
  };
  supervision.over.addEventListener('abort', stop, { once: true });
}

function assertMayStart({ stopAsked, options }: RuntimeCore): void {
  if (stopAsked)
    throw new SynclineError(
      'RUNTIME_STOPPED',
      'A stopped runtime cannot be started again; create a new one.',
    );
  if (options.access === 'readOnly') {
    throw new SynclineError(
      'CATALOG_READ_ONLY',
      'This runtime was created with access "readOnly"; it only looks.',
    );
  }
}

function begin(core: RuntimeCore): void {
  const supervision = createSupervision(core);
  const life = core.life ?? Promise.withResolvers();
  core.supervision = supervision;
  core.workerFailure = undefined;
  core.life = life;
  core.ended = life.promise;
  void supervision.ended.then((failure) => {
    if (core.supervision === supervision) core.supervision = undefined;
    core.workerFailure = failure;
    // Halted on purpose: whoever serves the runtime goes on serving it.
    if (supervision.isHalting && failure === undefined && !core.stopAsked) return;
    core.life = undefined;
    life.resolve(failure);
  });
  supervision.actor.start();
}

/** See `Runtime.halt`. */
export async function haltWorker({ supervision }: RuntimeCore): Promise<void> {
  supervision?.halt();
  await supervision?.ended;
}

/** See `Runtime.stop`. */
export async function stopRuntime(core: RuntimeCore): Promise<void> {
  core.stopAsked = true;
  core.stopping.abort();
  const { supervision } = core;
  if (supervision !== undefined) {
    supervision.actor.send({ type: 'supervisor.stop' });
    await supervision.ended;
  }
  await core.sessions.shutDown(core.options.drainTimeoutMs);
  await core.close();
  core.life?.resolve(undefined);
}

/** @throws SynclineError `RUNTIME_STOPPED` when no worker runs here. */
export function requireSupervision(core: RuntimeCore): Supervision {
  if (core.supervision !== undefined) return core.supervision;
  throw new SynclineError(
    'RUNTIME_STOPPED',
    'Only a started runtime works in the background; call start() first.',
  );
}
