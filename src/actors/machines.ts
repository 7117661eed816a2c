import { batchMachine } from './batch-machine.ts';
import { datasetMachine } from './dataset-machine.ts';
import { providerMachine } from './provider-machine.ts';
import { schedulerMachine } from './scheduler-machine.ts';
import { supervisorMachine } from './supervisor-machine.ts';
import { watcherMachine } from './watcher-machine.ts';

/**
 * Every machine there is, by the id that it has in its definition and by which actors tell theirs. What stands here is
 * told by the registry of actors, and is drawn.
 */
export const MACHINES = {
  supervisor: supervisorMachine,
  dataset: datasetMachine,
  provider: providerMachine,
  watcher: watcherMachine,
  scheduler: schedulerMachine,
  batch: batchMachine,
} as const;

/** Which machine an actor runs. */
export type MachineName = keyof typeof MACHINES;
