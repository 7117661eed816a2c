import type { z } from 'zod';
import { SynclineError } from '../domain/errors.ts';
import { type ControlEventType, pauseReasonsOf } from '../runtime/actor-view.ts';
import type { Runtime } from '../runtime/create-runtime.ts';
import { describeState } from '../runtime/supervision.ts';
import { WRITES } from './annotations.ts';
import type { AddTool, McpParts } from './create-mcp-server.ts';
import { noInput, reasonInput, workerOutput } from './schemas.ts';

/** How the worker stands. */
export async function readWorker(runtime: Runtime): Promise<WorkerAnswer> {
  const { value, context } = await runtime.actors.get('supervisor');
  const providers = (await runtime.providers())
    // How one stood that nobody asks any more says nothing of now.
    .filter(({ state, seenBy }) => state !== 'available' && seenBy !== 'formerWorker')
    .map(({ provider, state, failure }) => ({ provider, state, ...(failure && { code: failure.code }) }));
  return { state: describeState(value), pauseReasons: [...pauseReasonsOf(context)], providers };
}

type WorkerAnswer = z.infer<typeof workerOutput>;

/** The tools that are about the one worker. */
export function addWorkerTools({ runtime }: McpParts, add: AddTool): void {
  /** Already as it is asked to be: nothing to do. */
  const sendIfAllowed = async (type: ControlEventType, reason?: string): Promise<void> => {
    const { nextEvents } = await runtime.actors.get('supervisor');
    if (!nextEvents.includes(type)) return;
    await runtime.actors.send('supervisor', { type, ...(reason !== undefined && { reason }) });
  };
  const requireWorker = async (): Promise<void> => {
    const { status } = await runtime.actors.get('supervisor');
    if (status !== 'active') throw new SynclineError('RUNTIME_STOPPED', 'No worker runs; start it first.');
  };
  add({
    name: 'start',
    title: 'Start the worker',
    description: 'Starts the worker, which takes documents, embeds and writes in the background.',
    input: noInput,
    output: workerOutput,
    annotations: WRITES,
    async run() {
      await runtime.start();
      return readWorker(runtime);
    },
  });
  add({
    name: 'stop',
    title: 'Stop the worker',
    description:
      'Stops the worker when the work under way is done. Searching goes on; what waits stays for the next start.',
    input: noInput,
    output: workerOutput,
    annotations: WRITES,
    async run() {
      await runtime.halt();
      return readWorker(runtime);
    },
  });
  add({
    name: 'pause',
    title: 'Pause the worker',
    description:
      'Holds all background work until resume with the same reason; what is under way is finished.',
    input: reasonInput,
    output: workerOutput,
    annotations: WRITES,
    async run({ reason }) {
      await requireWorker();
      await sendIfAllowed('supervisor.pause', reason);
      return readWorker(runtime);
    },
  });
  add({
    name: 'resume',
    title: 'Resume the worker',
    description: 'Takes a reason for pausing back; work goes on when none is left.',
    input: reasonInput,
    output: workerOutput,
    annotations: WRITES,
    async run({ reason }) {
      await requireWorker();
      await sendIfAllowed('supervisor.resume', reason);
      return readWorker(runtime);
    },
  });
}
