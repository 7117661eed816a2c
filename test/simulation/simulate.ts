import { converge } from './converge.ts';
import { drawFaults, type FaultPlan } from './faults.ts';
import { Violation } from './observer.ts';
import { createSeededRandom } from './random.ts';
import type { SimDatabase } from './sim-catalog.ts';
import { createSim, type Defect } from './sim-runtime.ts';
import { act, createDatasets, throwComplaints, type Workload } from './workload.ts';
import { createWorld } from './world.ts';

/** What became of a seed. */
export interface Outcome {
  readonly seed: number;
  /** What was violated, if anything was. */
  readonly violation: string | undefined;
  readonly trace: readonly string[];
}

const ACTIONS = [8, 24] as const;
/** With batch jobs or a source there is more to do. */
const MORE_ACTIONS = [16, 40] as const;
/** Of the steps, those that are an action of the user. */
const HASTE = [0.01, 0.03, 0.1] as const;
/** Jobs take their time. */
const BATCH_HASTE = [0.005, 0.01, 0.03] as const;
const STEPS_MAX = 20_000;

/** Runs one seed: some trouble, then rest, then everything has to agree. The same seed does the same, step by step. */
export async function simulate(seed: number, database: SimDatabase, defect: Defect = {}): Promise<Outcome> {
  using _ = withTimeStandingStill();
  database.empty();
  const name = nameOf(seed);
  const random = createSeededRandom(name);
  const world = createWorld(name, drawFaults(random, createSeededRandom(`${name} new ports`)));
  const { batch, source } = world.plan;
  const datasets = createDatasets(world.plan);
  const sim = createSim(world, database, datasets, defect);
  const workload: Workload = {
    sim,
    datasets,
    runtimes: new Set(),
    complaints: sim.observer.complaints,
    round: 0,
    isLeaseHeld: false,
  };
  const [least, most] = (batch ?? source) === undefined ? ACTIONS : MORE_ACTIONS;
  try {
    await cause(
      workload,
      random.between(least, most),
      random.pick(batch === undefined ? HASTE : BATCH_HASTE),
    );
    await converge(workload);
    return { seed, violation: undefined, trace: world.trace };
  } catch (error) {
    const violation =
      error instanceof Violation ? error.message : String(error instanceof Error ? error.stack : error);
    return { seed, violation, trace: world.trace };
  } finally {
    world.end();
  }
}

/** What a seed goes through. */
export function planOf(seed: number): FaultPlan {
  const name = nameOf(seed);
  return drawFaults(createSeededRandom(name), createSeededRandom(`${name} new ports`));
}

function nameOf(seed: number): string {
  return `simulation ${seed}`;
}

/** The first part: the user acts while things go wrong. */
async function cause(workload: Workload, actions: number, haste: number): Promise<void> {
  const { world } = workload.sim;
  let left = actions;
  for (let steps = 0; left > 0 && steps < STEPS_MAX; steps += 1) {
    if (!world.random.chance(haste) && (await world.step())) {
      throwComplaints(workload);
      continue;
    }
    act(workload);
    left -= 1;
    await world.settle();
    throwComplaints(workload);
  }
}

/** Sliced work hands the event loop back by the real clock, which would not be the same twice: in here it needs no time at all. */
function withTimeStandingStill(): Disposable {
  const now = performance.now;
  performance.now = () => 0;
  return {
    [Symbol.dispose]() {
      performance.now = now;
    },
  };
}
