import { expect, test } from 'bun:test';
import { execFile } from 'node:child_process';
import process from 'node:process';
import { openSimDatabase } from './sim-catalog.ts';
import { simulate } from './simulate.ts';

const { SYNCLINE_TEST_SEEDS, SYNCLINE_TEST_SEED } = process.env;
/** From which seed on. Others: set the variable. */
const FIRST_SEED = Number(SYNCLINE_TEST_SEED ?? 1);
/** As many as a machine does in this time, up to so many; or, by the variable, exactly as many. */
const SECONDS = SYNCLINE_TEST_SEEDS === undefined ? 45 : Number.POSITIVE_INFINITY;
const SEEDS = Number(SYNCLINE_TEST_SEEDS ?? 4_000);
/** Processes that share the seeds. */
const PROCESSES = 2;
/** Generous: a quiet machine takes a twentieth. */
const MS_PER_SEED_MAX = 3_000;

const PROGRAM = new URL('./run-seeds.ts', import.meta.url).pathname;

function runSeeds(first: number, count: number): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [PROGRAM, ...[first, count, SECONDS].map(String)], (error, output, errors) => {
      resolve(error === null ? output : `${output}${errors}`);
    });
  });
}

test(
  `through whatever happens in seeds from ${FIRST_SEED} on nothing is lost, doubled, mixed or paid twice, and all agrees in the end`,
  async () => {
    const count = Math.ceil(SEEDS / PROCESSES);
    const outputs = await Promise.all(
      Array.from({ length: PROCESSES }, (_, part) => runSeeds(FIRST_SEED + part * count, count)),
    );
    const seen = outputs.flatMap((output) => output.trim().split('\n'));
    // Replay one, step by step: bun test/simulation/run-seeds.ts SEED
    expect(seen.filter((line) => !/^[1-9]\d* seeds, 0 violations$/.test(line))).toEqual([]);
    console.log(seen.join('; '));
  },
  60_000 + SEEDS * MS_PER_SEED_MAX,
);

/**
 * 340, 2087: the first table was cancelled while it was built, and its dataset rested without one. 548: chunks that were cut
 * from a former content were embedded with what stands at their places now.
 */
const ONCE_FAILED = [340, 548, 2087];

test('seeds that found something stay sound', async () => {
  const database = await openSimDatabase();
  const violations: string[] = [];
  for (const seed of ONCE_FAILED) {
    const { violation } = await simulate(seed, database);
    if (violation !== undefined) violations.push(`seed ${seed}: ${violation}`);
  }
  expect(violations).toEqual([]);
}, 120_000);

test('the same seed does the same, step by step', async () => {
  const database = await openSimDatabase();
  for (const seed of [1, 2, 3]) {
    const once = await simulate(seed, database);
    const again = await simulate(seed, await openSimDatabase());
    expect(once.trace.length).toBeGreaterThan(100);
    expect(again.trace).toEqual(once.trace);
  }
  const other = await simulate(4, database);
  expect(other.trace).not.toEqual((await simulate(5, database)).trace);
}, 120_000);
