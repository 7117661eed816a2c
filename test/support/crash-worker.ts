/*
 * A program for the tests to kill at any moment. It finishes what the one before it left, checks that catalog, table and
 * source agree, says so with the line `checked`, then changes two datasets at a time until it is ended (`work`), or ends
 * (`finish`). Meanwhile one operation is done to the first dataset's table again and again. What begins and what ends is
 * said. How far a dataset's source has come is in a file that is replaced after every step.
 */
import { equal } from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import type { Syncline } from '../../src/index.ts';
import { checkDataset } from './crash-check.ts';
import {
  CRASH_OPERATIONS,
  type CrashOperation,
  damageTable,
  finishPassing,
  PASSING_DATASET,
  prepareOperation,
  repairWhatWasDamaged,
  runOperation,
} from './crash-operations.ts';
import { openCrashRuntime, takeStep, unlessMissing } from './crash-runtime.ts';
import { CRASH_DATASETS, type CrashStep, createRandom, replaySource, sourceAfter } from './crash-source.ts';

const [dataDir = '', baseUrl = '', seedText = '', cycle = '', command = '', operationName = ''] =
  process.argv.slice(2);
const seed = Number(seedText);
const random = createRandom(`${seed} cycle ${cycle}`);

function openRuntime(): Syncline {
  return openCrashRuntime({
    dataDir,
    baseUrl,
    name: `cycle-${cycle}`,
    // Tables are small here; maintained they are all the same.
    maintenance: { smallFragmentsMax: 4, unindexedRowsMax: 20, versionsKeptMs: 0 },
  });
}

function journalOf(address: string): string {
  return join(dataDir, '..', `${address.replace('/', '-')}.steps`);
}

/** How many steps of a dataset are done; the next one may have been cut short. */
function stepsDone(address: string): number {
  const journal = journalOf(address);
  return existsSync(journal) ? Number(readFileSync(journal, 'utf8')) : 0;
}

function noteStepsDone(address: string, count: number): void {
  const journal = journalOf(address);
  writeFileSync(`${journal}.new`, String(count));
  renameSync(`${journal}.new`, journal);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function saying(what: string, run: () => Promise<unknown>): Promise<void> {
  say(`begin ${what}`);
  await run();
  say(`end ${what}`);
}

const runStep = (runtime: Syncline, address: string, step: CrashStep): Promise<void> =>
  saying(step.kind, () => takeStep(runtime, address, step));

/** Whether the step after those that are done may have been cut short. */
interface Cut {
  readonly mayHaveBegun: boolean;
}

/** Does what waits, and nothing else: what the next step will do shows in the check as cut short, or as not begun. */
async function finishWhatWaits({ mayHaveBegun }: Cut): Promise<void> {
  const runtime = openRuntime();
  for (const address of CRASH_DATASETS) {
    const { next } = replaySource(seed, address, stepsDone(address));
    // A deletion that was begun cannot be taken back.
    if (mayHaveBegun && next.kind === 'drop') await runStep(runtime, address, next);
    else await unlessMissing(runtime.dataset(address).index());
    await repairWhatWasDamaged(runtime, dataDir, address);
    await unlessMissing(checkDeeply(runtime, address));
  }
  await finishPassing(runtime);
  await runtime.stop();
}

async function checkDeeply(runtime: Syncline, address: string): Promise<void> {
  const { inSync, reason } = await runtime.dataset(address).check({ level: 'deep' });
  equal(inSync, true, `${address}: ${reason}`);
}

/** Each document is as before the next step, or, where that may have begun, as after it. */
async function check({ mayHaveBegun }: Cut): Promise<void> {
  await checkDataset({ dataDir, address: PASSING_DATASET, before: new Map(), after: new Map() });
  for (const address of CRASH_DATASETS) {
    const { source, next } = replaySource(seed, address, stepsDone(address));
    await checkDataset({
      dataDir,
      address,
      before: source,
      after: mayHaveBegun ? sourceAfter(source, next) : source,
    });
  }
}

async function takeNextStep(runtime: Syncline, address: string): Promise<void> {
  const done = stepsDone(address);
  await runStep(runtime, address, replaySource(seed, address, done).next);
  noteStepsDone(address, done + 1);
}

const isOperation = (name: string): name is CrashOperation =>
  CRASH_OPERATIONS.some((operation) => operation === name);

async function work(): Promise<void> {
  const [address] = CRASH_DATASETS;
  if (operationName === 'repair') await damageTable(dataDir, address, random);
  const runtime = openRuntime();
  const isStarted = Number(cycle) % 2 === 1;
  if (isStarted) await runtime.start();
  const operate = async (operation: CrashOperation): Promise<never> => {
    for (;;) {
      await prepareOperation(runtime, operation);
      let isDone = false;
      await saying(operation, async () => {
        isDone = await runOperation(runtime, address, operation, random);
      });
      // Until the dataset is in a state for it.
      if (!isDone) await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const stepping = CRASH_DATASETS.map(async (dataset) => {
    for (;;) await takeNextStep(runtime, dataset);
  });
  await Promise.all(isOperation(operationName) ? [...stepping, operate(operationName)] : stepping);
}

async function finish(): Promise<void> {
  const runtime = openRuntime();
  for (const address of CRASH_DATASETS) await takeNextStep(runtime, address);
  await runtime.stop();
  await finishWhatWaits({ mayHaveBegun: false });
  await check({ mayHaveBegun: false });
  say('finished');
}

await saying('recovery', async () => {
  await finishWhatWaits({ mayHaveBegun: true });
  await check({ mayHaveBegun: true });
});
say('checked');
await (command === 'finish' ? finish() : work());
