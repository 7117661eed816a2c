import type { BatchPolicy } from '../../src/catalog/catalog.ts';
import type { SourceDataset } from './source.ts';
import { type Action, follow, type UsedRuntime, type Workload } from './workload.ts';

/* What a user does with batch jobs. */

const LIVE = `select batch_job_id from batch_jobs where status in ('created', 'submitted', 'processing')`;

const DATASET = `
  select 1 from datasets d join projects p on p.project_id = d.project_id where p.name || '/' || d.name = ?`;
const POLICIES = `
  select 1 from batch_policies b join datasets d on d.dataset_id = b.dataset_id
  join projects p on p.project_id = d.project_id where p.name || '/' || d.name = ?`;

/** Of all jobs of a runtime. */
export function batchActions(workload: Workload, used: UsedRuntime): Action[] {
  const { world, database } = workload.sim;
  if (world.plan.batch === undefined || used.access === 'readOnly') return [];
  const { random } = world;
  const { batch } = used.runtime;
  const jobs = database.rows(LIVE).map(([batchJobId]) => Number(batchJobId));
  const action = (weight: number, name: string, call: () => Promise<unknown>): Action => ({
    weight,
    run: () => follow(workload, used, name, call()),
  });
  const any = jobs.length === 0 ? 0 : 1;
  return [
    action(0.6, 'flush', () => batch.flush()),
    action(3 * any, 'sync', () => batch.sync({ index: random.chance(0.7) })),
    action(1.5 * any, 'cancel a job', () => batch.cancel(random.pick(jobs))),
    action(2 * any, 'pull a job back', () => batch.pullBack(random.pick(jobs))),
  ];
}

/** Of one dataset. */
export function datasetBatchActions(
  workload: Workload,
  used: UsedRuntime,
  { address }: SourceDataset,
): Action[] {
  const { world, database } = workload.sim;
  if (world.plan.batch === undefined) return [];
  const hasPolicy = database.rows(POLICIES, address).length > 0;
  const { random } = world;
  const setPolicy = (): Promise<unknown> => {
    const policy: BatchPolicy = {
      mode: random.pick(['never', 'auto', 'always', 'always']),
      minBatchSize: random.pick([1, 3]),
      maxWaitMs: random.pick([0, 1_000, 10_000]),
    };
    const handle = used.runtime.dataset(address);
    const isThere = database.rows(DATASET, address).length > 0;
    return isThere ? handle.setBatchPolicy(policy) : handle.create({ batch: policy });
  };
  return [
    {
      weight: hasPolicy ? 0.5 : 20,
      run: () => follow(workload, used, `set the batch policy of ${address}`, setPolicy()),
    },
    {
      weight: 0.3,
      run: () =>
        follow(workload, used, `flush ${address}`, used.runtime.batch.flush({ datasets: [address] })),
    },
  ];
}
