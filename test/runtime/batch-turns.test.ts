import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { fromPromise } from 'xstate';
import { batchMachine, type StepEnd } from '../../src/actors/batch-machine.ts';
import { openCatalog } from '../../src/catalog/open-catalog.ts';
import type { SqlCatalog } from '../../src/catalog/sql-catalog.ts';
import { SynclineError } from '../../src/domain/errors.ts';
import { type BatchKeeper, createBatchKeeper } from '../../src/runtime/batch/batch-keeper.ts';
import { createInspection } from '../../src/runtime/inspection.ts';
import { type Stage, setStage } from '../catalog/catalog-fixtures.ts';
import { createHandClock, type HandClock } from '../support/clocks.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';

const POLL_MS = 60_000;
/** As many as there are actors for, and some. */
const ACTORS_MAX = 64;
const JOBS = 150;

let dir: TempDir;
let catalog: SqlCatalog;
let stage: Stage;
let clock: HandClock;
let keeper: BatchKeeper;
/** Looks at each job. */
let looks: Map<number, number>;
let answer: (batchJobId: number) => StepEnd;
let onLook: () => Promise<void>;

beforeEach(async () => {
  dir = makeTempDir();
  catalog = await openCatalog({ url: dir.join('catalog.db'), access: 'readWrite' });
  stage = await setStage(catalog);
  clock = createHandClock();
  looks = new Map();
  onLook = async () => undefined;
  const logic = batchMachine.provide({
    actors: {
      decideStep: fromPromise(async ({ input: { batchJobId } }) =>
        (await catalog.findBatchJob(batchJobId))?.status === 'created'
          ? ('look' as const)
          : ('done' as const),
      ),
      lookAtJob: fromPromise(async ({ input: { batchJobId } }) => {
        looks.set(batchJobId, (looks.get(batchJobId) ?? 0) + 1);
        await onLook();
        return answer(batchJobId);
      }),
    },
  });
  keeper = createBatchKeeper({
    logic: () => logic,
    catalog: async () => catalog,
    clock,
    inspection: createInspection(),
    pollMs: POLL_MS,
    drainTimeoutMs: 1_000,
  });
});

afterEach(async () => {
  await keeper.endSession();
  await catalog.close();
  dir.remove();
});

async function makeJobs(count: number): Promise<number[]> {
  const { datasetId, profileId } = stage.dataset;
  const ids: number[] = [];
  for (let made = 0; made < count; made += 1) {
    const job = { name: `job-${clock.newId()}`, type: 'embedding', datasetId, profileId };
    ids.push((await stage.writer.createBatchJob(job)).batchJobId);
  }
  return ids;
}

/** Until no actor is at work, nor begins to: what the catalog was asked before is answered before what it is asked here. */
async function untilQuiet(): Promise<void> {
  for (let calm = 0; calm < 5; ) {
    await catalog.findBatchJob(1);
    await new Promise((resolve) => setImmediate(resolve));
    calm = keeper.held().some(({ actor }) => actor.getSnapshot().hasTag('busy')) ? 0 : calm + 1;
  }
}

/** In steps: the catalog needs real time, in which the clock stands still. */
async function polls(count: number): Promise<void> {
  for (let step = 0; step < count * 4; step += 1) {
    await clock.advance(POLL_MS / 4);
    await untilQuiet();
  }
}

describe('more batch jobs than there are actors for', () => {
  test.each([
    { what: 'that wait', end: (): StepEnd => 'wait' },
    {
      what: 'that fail whatever is done',
      end: (): StepEnd => {
        throw new SynclineError('BATCH_UNSUPPORTED', 'It cannot be done here.');
      },
    },
  ])('$what take turns, and a new one gets its turn', async ({ end }) => {
    answer = end;
    await makeJobs(JOBS);
    await keeper.attend();
    await untilQuiet();
    expect(looks.size).toBe(ACTORS_MAX);
    await polls(3);
    expect(looks.size).toBe(JOBS);
    const [added = 0] = await makeJobs(1);
    keeper.adopt(added);
    await polls(1);
    expect(looks.get(added)).toBeGreaterThan(0);
    expect(keeper.held().length).toBeLessThanOrEqual(ACTORS_MAX);
  });

  test('that fail remember their failures from one turn to the next', async () => {
    answer = () => {
      throw new SynclineError('BATCH_UNSUPPORTED', 'It cannot be done here.');
    };
    await makeJobs(JOBS);
    await keeper.attend();
    await polls(6);
    const counts = keeper.held().map(({ actor }) => actor.getSnapshot().context.failureCount);
    expect(Math.min(...counts)).toBeGreaterThan(3);
    // The waits have doubled: a job is tried once in its turn.
    const triedBefore = new Map(looks);
    await polls(1);
    for (const [batchJobId, tries] of looks)
      expect(tries - (triedBefore.get(batchJobId) ?? 0)).toBeLessThanOrEqual(2);
  });

  test('that were cut short while they were made get a turn, too', async () => {
    answer = () => 'wait';
    await keeper.attend();
    const [unknown = 0] = await makeJobs(1);
    await polls(1);
    expect(looks.has(unknown)).toBe(false);
    keeper.lookAround();
    await polls(1);
    expect(looks.has(unknown)).toBe(true);
  });

  test('that somebody looked at while all were given actors keep being looked at', async () => {
    const held = Promise.withResolvers<void>();
    answer = () => 'wait';
    onLook = () => held.promise;
    const [visited = 0] = await makeJobs(1);
    const visit = keeper.visit(visited, new AbortController().signal);
    await keeper.attend();
    held.resolve();
    await visit;
    expect(keeper.held()).toHaveLength(0);
    await polls(1);
    expect(keeper.held().map(({ batchJobId }) => batchJobId)).toEqual([visited]);
  });

  test('make room at once when they end', async () => {
    answer = () => 'wait';
    const ids = await makeJobs(ACTORS_MAX + 1);
    await keeper.attend();
    await untilQuiet();
    const [first = 0] = ids;
    await stage.writer.finishBatchJob(first, { status: 'completed', way: 'again' });
    keeper.held()[0]?.actor.send({ type: 'batch.look' });
    await untilQuiet();
    await untilQuiet();
    expect(looks.size).toBe(ACTORS_MAX + 1);
  });
});
