/*
 * A program for the tests to kill at any moment. It finishes what the one before it left, checks that catalog, table and
 * source agree, says so with the line `checked`, then changes two datasets at a time until it is ended (`work`), or ends
 * (`finish`). How far a dataset's source has come is in a file that is replaced after every step.
 */
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import type { Syncline } from '../../src/index.ts';
import { checkDataset } from './crash-check.ts';
import { CRASH_DIMENSIONS, openCrashRuntime, takeStep, unlessMissing } from './crash-runtime.ts';
import { CRASH_DATASETS, type CrashStep, replaySource, sourceAfter } from './crash-source.ts';

const [dataDir = '', baseUrl = '', seedText = '', cycle = '', command = ''] = process.argv.slice(2);
const seed = Number(seedText);

function openRuntime(): Syncline {
  return openCrashRuntime({ dataDir, baseUrl, name: `cycle-${cycle}` });
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

async function runStep(runtime: Syncline, address: string, step: CrashStep): Promise<void> {
  if (step.kind === 'drop') say(`drop ${address}`);
  await takeStep(runtime, address, step);
}

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
  }
  await runtime.stop();
}

/** Each document is as before the next step, or, where that may have begun, as after it. */
async function check({ mayHaveBegun }: Cut): Promise<void> {
  for (const address of CRASH_DATASETS) {
    const { source, next } = replaySource(seed, address, stepsDone(address));
    await checkDataset({
      dataDir,
      dimensions: CRASH_DIMENSIONS,
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

async function work(): Promise<void> {
  const runtime = openRuntime();
  const isStarted = Number(cycle) % 2 === 1;
  if (isStarted) await runtime.start();
  await Promise.all(
    CRASH_DATASETS.map(async (address) => {
      for (;;) await takeNextStep(runtime, address);
    }),
  );
}

async function finish(): Promise<void> {
  const runtime = openRuntime();
  for (const address of CRASH_DATASETS) await takeNextStep(runtime, address);
  await runtime.stop();
  await finishWhatWaits({ mayHaveBegun: false });
  await check({ mayHaveBegun: false });
  say('finished');
}

await finishWhatWaits({ mayHaveBegun: true });
await check({ mayHaveBegun: true });
say('checked');
await (command === 'finish' ? finish() : work());
