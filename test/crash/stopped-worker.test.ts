import { describe, expect, test } from 'bun:test';
import { isSynclineError, type Syncline } from '../../src/index.ts';
import { type ChildProgram, pause, startProgram } from '../support/child-program.ts';
import { checkDataset } from '../support/crash-check.ts';
import { CRASH_DIMENSIONS, openCrashRuntime, takeStep, unlessMissing } from '../support/crash-runtime.ts';
import { createRandom, replaySource } from '../support/crash-source.ts';
import { startEmbeddingServer } from '../support/embedding-server.ts';
import { makeTempDir } from '../support/temp-dir.ts';

/*
 * A worker that is stopped (SIGSTOP, as a laptop's lid or a debugger does) until its lease has run out and another one has
 * taken over, and that then goes on (SIGCONT) in the middle of what it did. None of its later writes may be found: not in the
 * catalog, and not in the table.
 */

/** Stops at random moments. More, or those of a run that failed: set these variables. */
const STOPS = Number(process.env.SYNCLINE_TEST_STOPS ?? 6);
const SEED = Number(process.env.SYNCLINE_TEST_SEED ?? Math.floor(Math.random() * 1_000_000));
const PROGRAM = new URL('../support/lease-worker.ts', import.meta.url);
const ADDRESS = 'crash/one';
/** Longest work of the first worker before it is stopped, after its first step. */
const WORK_MS_MAX = 800;
/** Commits before and after each of which a worker is stopped. */
const COMMITS = 6;
/** A round is mostly waiting for a lease to run out. */
const ROUNDS_AT_ONCE = 4;
/** Steps of the second worker after the first one goes on. */
const STEPS_AFTER = 4;

interface Round {
  readonly seed: number;
  /** Whether the worker is a started runtime, or one that makes explicit calls. */
  readonly mode: 'started' | 'calls';
  /** Stops by itself at a commit: `['before', '3']`. Else at a random moment. */
  readonly at: readonly [string, string] | undefined;
}

async function takeOver(second: Syncline, { child }: ChildProgram): Promise<void> {
  for (;;) {
    try {
      return await second.start();
    } catch (error) {
      if (!isSynclineError(error, 'LEASE_HELD', 'CATALOG_BUSY')) throw error;
      // Stopped in the middle of a transaction it keeps the catalog locked: nobody can take over before that has ended.
      if (error.code === 'CATALOG_BUSY') {
        child.kill('SIGCONT');
        await pause(5);
        child.kill('SIGSTOP');
      } else await pause(50);
    }
  }
}

async function stopped(first: ChildProgram, { at }: Round, random: () => number): Promise<void> {
  if (at !== undefined) return first.said('stopped');
  await first.said('step 0');
  await pause(random() * WORK_MS_MAX);
  first.child.kill('SIGSTOP');
}

/** The step after those that are done may have been cut short; a deletion that was begun cannot be taken back. */
async function finishWhatWaits(second: Syncline, seed: number, done: number): Promise<void> {
  const { next } = replaySource(seed, ADDRESS, done);
  if (next.kind === 'drop') await takeStep(second, ADDRESS, next);
  else await unlessMissing(second.dataset(ADDRESS).index());
}

/** How many steps the worker says it has done. */
const stepsDone = ({ output }: ChildProgram): number => output().match(/^step /gm)?.length ?? 0;

async function runRound(round: Round): Promise<string> {
  const { seed, mode, at } = round;
  const random = createRandom(`stop ${seed}`);
  await using provider = await startEmbeddingServer({ dimensions: CRASH_DIMENSIONS, latencyMs: 5 });
  using folder = makeTempDir();
  const dataDir = folder.join('data');
  const first = startProgram(PROGRAM, [
    dataDir,
    provider.url,
    String(seed),
    ADDRESS,
    ...(at ?? ['', '']),
    mode,
  ]);
  await stopped(first, round, random);
  const second = openCrashRuntime({ dataDir, baseUrl: provider.url, name: 'second', catalogTimeoutMs: 500 });
  try {
    await takeOver(second, first);
    let done = stepsDone(first);
    // It goes on while the second one finishes what it left, or after that.
    const finished = finishWhatWaits(second, seed, done);
    await (random() < 0.5 ? pause(random() * 40) : finished);
    first.child.kill('SIGCONT');
    await finished;
    const last = done + STEPS_AFTER;
    for (; done < last; done += 1) await takeStep(second, ADDRESS, replaySource(seed, ADDRESS, done).next);
    const code = await first.ended;
    // What it committed last may have come after the last step above.
    await unlessMissing(second.dataset(ADDRESS).index());
    await second.stop();
    const { source } = replaySource(seed, ADDRESS, done);
    await checkDataset({
      dataDir,

      address: ADDRESS,
      before: source,
      after: source,
    });
    return `exit code ${code}\n${first.output().replaceAll(/^(step .*|stopped)\n/gm, '')}`;
  } finally {
    first.child.kill('SIGKILL');
    await second.stop();
  }
}

/** The worker says that it lost its lease: as an event, in the error of the call under way, as the end of the runtime, as exit code. */
function expectLost(said: string, { mode }: Round): void {
  expect(said).toMatch(/^exit code 3$/m);
  expect(said).toMatch(/^event lease.lost LEASE_LOST$/m);
  expect(said).toMatch(/^ended LEASE_LOST /m);
  if (mode === 'started') expect(said).toMatch(/^runtime LEASE_LOST$/m);
}

async function runAll(rounds: readonly Round[]): Promise<void> {
  const waiting = [...rounds];
  const runNext = async (): Promise<void> => {
    for (let round = waiting.shift(); round !== undefined; round = waiting.shift()) {
      try {
        expectLost(await runRound(round), round);
      } catch (error) {
        throw new Error(`In the round ${JSON.stringify(round)}: ${error}`, { cause: error });
      }
    }
  };
  await Promise.all(Array.from({ length: ROUNDS_AT_ONCE }, runNext));
}

describe('a worker that was stopped until another had taken over ends with LEASE_LOST, and none of its writes is found', () => {
  test(
    `at random moments (seed ${SEED})`,
    async () => {
      const rounds = Array.from({ length: STOPS }, (_, number) => SEED + number);
      await runAll(rounds.map((seed) => ({ seed, mode: 'started', at: undefined })));
    },
    30_000 + STOPS * 3_000,
  );

  test(`before and after each commit to a table (seed ${SEED})`, async () => {
    const places = ['before', 'after'].flatMap((when) =>
      Array.from({ length: COMMITS }, (_, index) => [when, String(index + 1)] as const),
    );
    await runAll(
      places.map((at, number) => ({ seed: SEED, mode: number % 2 === 0 ? 'started' : 'calls', at })),
    );
  }, 240_000);
});
