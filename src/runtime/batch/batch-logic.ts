import { fromPromise } from 'xstate';
import { type BatchStep, batchBackoffMs, batchMachine, type StepEnd } from '../../actors/batch-machine.ts';
import type { BatchWork } from '../../pipeline/batch/batch-work.ts';
import { submitJob, uploadJob } from '../../pipeline/batch/hand-in-job.ts';
import { harvestJob } from '../../pipeline/batch/harvest-job.ts';
import { lookAtJob } from '../../pipeline/batch/look-at-job.ts';
import { nextBatchStep } from '../../pipeline/batch/next-step.ts';
import { tidyJob } from '../../pipeline/batch/tidy-job.ts';
import { createMutex } from '../../pipeline/mutex.ts';

interface Input {
  readonly batchJobId: number;
}

/** The batch machine with its steps: the one place where its behaviour meets I/O. */
export function createBatchLogic(parts: {
  readonly work: () => Promise<BatchWork>;
  readonly random: () => number;
}): typeof batchMachine {
  // One after the other: each holds the texts of a whole job in memory, and writes as fast as the catalog takes it.
  const harvesting = createMutex();
  const step = (run: (work: BatchWork, batchJobId: number, signal: AbortSignal) => Promise<StepEnd>) =>
    fromPromise<StepEnd, Input>(async ({ input, signal }) =>
      run(await parts.work(), input.batchJobId, signal),
    );
  return batchMachine.provide({
    actors: {
      decideStep: fromPromise<BatchStep, Input>(async ({ input }) =>
        nextBatchStep(await parts.work(), input.batchJobId),
      ),
      uploadJob: step(uploadJob),
      submitJob: step(submitJob),
      lookAtJob: step(lookAtJob),
      harvestJob: step((work, batchJobId, signal) =>
        harvesting.run(() => harvestJob(work, batchJobId, signal)),
      ),
      tidyJob: step(tidyJob),
    },
    delays: { backoff: ({ context }) => batchBackoffMs(context, parts.random) },
  });
}
