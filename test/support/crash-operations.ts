/* What is done to a dataset's table, besides taking in the steps of its source, when a process may be killed at any moment. */
import { equal } from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from '@lancedb/lancedb';
import Database from 'libsql';
import { type ErrorCode, isSynclineError, type Syncline } from '../../src/index.ts';
import { CRASH_DIMENSIONS, unlessMissing } from './crash-runtime.ts';

/** What operations need of a runtime. */
type Datasets = Pick<Syncline, 'dataset'>;

export const CRASH_OPERATIONS = [
  'remove',
  'drop',
  'rebuild',
  'rollback',
  'changeModel',
  'changeChunking',
  'cancel',
  'check',
  'repair',
  'maintain',
] as const;

export type CrashOperation = (typeof CRASH_OPERATIONS)[number];

/** The other sizes that a dataset is changed to, and back. */
const OTHER_DIMENSIONS = 24;
const TOKENS_PER_CHUNK = [96, 64] as const;

/** A dataset beside those that follow a source: documents of it are removed, and itself, again and again. */
export const PASSING_DATASET = 'crash/passing';

/** What may come of an operation while another one, a deletion or its own cancelling is under way. */
const EXPECTED = [
  'DATASET_NOT_FOUND',
  'DATASET_DELETING',
  'DATASET_RECONFIGURING',
  'NO_EARLIER_TABLE',
  'CHECK_INTERRUPTED',
  'INVALID_OPTION',
  'ABORTED',
] as const satisfies readonly ErrorCode[];

const PASSING_KEYS = ['a', 'b', 'c'];

/** Takes in what an operation is about to remove. */
export async function prepareOperation(runtime: Datasets, operation: CrashOperation): Promise<void> {
  if (operation !== 'remove' && operation !== 'drop') return;
  const documents = PASSING_KEYS.map((key) => ({ key, content: `Some passing words of ${key}.` }));
  await runtime.dataset(PASSING_DATASET).ingest(documents, { mode: 'sync' });
}

/** Ends the passing dataset, whatever it was in the middle of. */
export async function finishPassing(runtime: Datasets): Promise<void> {
  const dataset = runtime.dataset(PASSING_DATASET);
  try {
    await dataset.index();
    const { inSync, reason } = await dataset.check({ level: 'deep' });
    equal(inSync, true, `${PASSING_DATASET}: ${reason}`);
  } catch (error) {
    if (!isSynclineError(error, 'DATASET_NOT_FOUND', 'DATASET_DELETING')) throw error;
  }
  await unlessMissing(dataset.delete());
}

/** Does an operation once; `false` when the dataset was in no state for it. */
export async function runOperation(
  runtime: Datasets,
  address: string,
  operation: CrashOperation,
  random: () => number,
): Promise<boolean> {
  try {
    await OPERATIONS[operation](runtime, address, random);
    return true;
  } catch (error) {
    if (!isSynclineError(error, ...EXPECTED)) throw error;
    return false;
  }
}

type Operation = (runtime: Datasets, address: string, random: () => number) => Promise<unknown>;

const OPERATIONS: Readonly<Record<CrashOperation, Operation>> = {
  remove: (runtime) => runtime.dataset(PASSING_DATASET).deleteDocuments(PASSING_KEYS.slice(1)),
  drop: (runtime) => runtime.dataset(PASSING_DATASET).delete(),
  rebuild: (runtime, address) => runtime.dataset(address).rebuild(),
  async rollback(runtime, address) {
    const dataset = runtime.dataset(address);
    if ((await dataset.status()).earlierTables.length === 0) await dataset.rebuild();
    await dataset.rollback();
  },
  async changeModel(runtime, address) {
    await runtime
      .dataset(address)
      .reconfigure({ embedder: await otherModel(runtime, address), mode: 'sync' });
  },
  async changeChunking(runtime, address) {
    const dataset = runtime.dataset(address);
    const [first, second] = TOKENS_PER_CHUNK;
    const { tokensPerChunkMax } = await dataset.status();
    await dataset.reconfigure({
      tokensPerChunkMax: tokensPerChunkMax === first ? second : first,
      mode: 'sync',
    });
  },
  async cancel(runtime, address, random) {
    const dataset = runtime.dataset(address);
    const changing = dataset.reconfigure({ embedder: await otherModel(runtime, address), mode: 'sync' });
    // Its end is what is asked for, and is awaited below.
    changing.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, random() * 100));
    await dataset.cancelSwitch();
    await changing;
  },
  check: (runtime, address) => runtime.dataset(address).check({ level: 'deep' }),
  repair: (runtime, address) => runtime.dataset(address).repair(),
  maintain: (runtime, address) => runtime.dataset(address).maintain(),
};

/** The dataset's model with the other number of dimensions. */
async function otherModel(runtime: Datasets, address: string) {
  const { profile } = await runtime.dataset(address).status();
  const [, provider = '', model = '', dimensions] = /^(.+)\/(.+)@(\d+) /.exec(profile) ?? [];
  const isOther = Number(dimensions) === OTHER_DIMENSIONS;
  return { provider, model, dimensions: isOther ? CRASH_DIMENSIONS : OTHER_DIMENSIONS };
}

/** The note that a table was damaged and is not repaired yet; it outlives the process. */
const noteOf = (dataDir: string, address: string): string =>
  join(dataDir, '..', `${address.replace('/', '-')}.damaged`);

/**
 * Takes rows out of a dataset's table behind Syncline's back, and records the table as it is then, as an older copy of the
 * folder would have it. Nobody has the catalog open.
 */
export async function damageTable(dataDir: string, address: string, random: () => number): Promise<void> {
  const catalog = new Database(join(dataDir, 'catalog.db'), { timeout: 5_000 });
  try {
    const generation = catalog
      .prepare(
        `select g.generation_id, g.table_name from generations g join datasets d on d.dataset_id = g.dataset_id
         join projects p on p.project_id = d.project_id
         where g.state = 'serving' and p.name || '/' || d.name = ?`,
      )
      .get(address) as { generation_id: number; table_name: string } | undefined;
    if (generation === undefined) return;
    writeFileSync(noteOf(dataDir, address), '');
    const connection = await connect(join(dataDir, 'vectors'));
    const table = await connection.openTable(generation.table_name);
    await table.delete(`chunk_id % 7 = ${Math.floor(random() * 7)}`);
    catalog
      .prepare('update generations set recorded_version = ?, recorded_row_count = ? where generation_id = ?')
      .run(await table.version(), await table.countRows(), generation.generation_id);
    connection.close();
  } finally {
    catalog.close();
  }
}

/** Repairs a table that was damaged and may not be repaired yet. */
export async function repairWhatWasDamaged(
  runtime: Datasets,
  dataDir: string,
  address: string,
): Promise<void> {
  const note = noteOf(dataDir, address);
  if (!existsSync(note)) return;
  await unlessMissing(runtime.dataset(address).repair());
  rmSync(note);
}
