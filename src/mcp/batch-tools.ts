import type { BatchRunResult } from '../runtime/batch/batches.ts';
import { READS, WRITES } from './annotations.ts';
import {
  batchAnswer,
  batchIdInput,
  batchListInput,
  batchListOutput,
  batchOutput,
  batchRunAnswer,
  batchRunOutput,
  flushInput,
  syncInput,
} from './batch-schemas.ts';
import type { AddTool, McpParts } from './create-mcp-server.ts';
import { underWay } from './shared-work.ts';

/** The tools that are about batch jobs. */
export function addBatchTools(parts: McpParts, add: AddTool): void {
  addLooking(parts, add);
  addRuns(parts, add);
}

function addLooking({ runtime, explain }: McpParts, add: AddTool): void {
  add({
    name: 'list_batches',
    title: 'List batch jobs',
    description:
      'Lists batch jobs, the newest first, as they were last seen at their provider: texts that are embedded at half the price within a day.',
    input: batchListInput,
    output: batchListOutput,
    annotations: READS,
    async run({ status, after, limit }) {
      const { items, next } = await runtime.batch.list({
        limit,
        ...(status !== undefined && { status }),
        ...(after !== undefined && { after }),
      });
      const jobs = items.map((job) => batchAnswer(job, explain));
      return { jobs, ...(next !== undefined && { next }) };
    },
  });
}

function addRuns({ runtime, explain, work }: McpParts, add: AddTool): void {
  add({
    name: 'flush_batches',
    title: 'Submit batch jobs',
    description:
      'Puts texts that wait for their vectors into batch jobs and submits those, without waiting for results. It is paid for, as embedding them directly would be, at half the price.',
    input: flushInput,
    output: batchRunOutput,
    annotations: WRITES,
    async run({ datasets, waitSeconds }) {
      const waited = await work.waitFor<BatchRunResult>(
        `flush ${datasets?.join(' ') ?? ''}`,
        (onTask) => runtime.batch.flush({ ...(datasets && { datasets }), onTask }),
        waitSeconds * 1_000,
      );
      return waited.isDone ? { isDone: true, ...batchRunAnswer(waited.result, explain) } : underWay(waited);
    },
  });
  add({
    name: 'sync_batches',
    title: 'Collect batch jobs',
    description:
      'Looks at every unfinished batch job once and brings in what came back. A started worker does so by itself.',
    input: syncInput,
    output: batchRunOutput,
    annotations: WRITES,
    async run({ waitSeconds }) {
      const waited = await work.waitFor<BatchRunResult>(
        'sync batches',
        (onTask) => runtime.batch.sync({ onTask }),
        waitSeconds * 1_000,
      );
      return waited.isDone ? { isDone: true, ...batchRunAnswer(waited.result, explain) } : underWay(waited);
    },
  });
  add({
    name: 'pull_back_batch',
    title: 'Pull a batch job back',
    description:
      'Asks for the end of a batch job. What was done by then is stored; the rest is embedded directly, at the full price, once the provider says that the job is over.',
    input: batchIdInput,
    output: batchOutput,
    annotations: WRITES,
    run: async ({ id }) => batchAnswer(await runtime.batch.pullBack(id), explain),
  });
}
