/*
 * Runs every check and prints, as the last line, the sum of passed and failed tests. Ends with 1 when anything failed or when no
 * test ran. The suite says what it does as it goes; the other checks run beside it, and are told when it is over.
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import process from 'node:process';

interface Step {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** Reads the counts out of a step's output; a step without counts its end as one test. */
  readonly counts?: (output: string, code: number) => { readonly passed: number; readonly failed: number };
}

/** The closing lines of `bun test`: " 12 pass" and " 0 fail". */
function bunCounts(output: string): { passed: number; failed: number } {
  const count = (word: string): number =>
    Number(output.match(new RegExp(`^\\s*(\\d+) ${word}$`, 'm'))?.[1] ?? 0);
  return { passed: count('pass'), failed: count('fail') };
}

/** One test that passed or failed, or none where it cannot be made. */
function countsOrSkipped(output: string, code: number): { passed: number; failed: number } {
  if (/^Skipped: /m.test(output)) return { passed: 0, failed: 0 };
  return { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 };
}

/** Several times what the tests have in files at once. */
const MEMORY_BYTES_MIN = 8 * 2 ** 30;

/**
 * More processes than this project's machines have cores, since tests wait for a disk, clock or child most of the time. The files that
 * take longest begin first, so that the suite does not end with one of them alone; which those are (from 10 s on, on a busy machine)
 * is written down in test/timings.json, where `--update-timings` puts what a run took. The long time limit is for machines that are
 * busy with something else; no test needs it.
 */
const SUITE: Step = {
  name: 'tests in Bun',
  command: [
    'bun',
    'test',
    '--parallel=3',
    '--no-isolate',
    '--timings=test/timings.json',
    '--timeout=120000',
    '--conditions=development',
  ],
  counts: bunCounts,
};

const deno = ['deno', 'run', '--allow-all', '--quiet'] as const;

/** What runs beside the suite, one after the other. */
const OTHERS: readonly Step[] = [
  { name: 'format and lint', command: ['biome', 'ci', '--colors=off', '.'] },
  { name: 'types', command: ['tsc', '-p', 'tsconfig.json'] },
  { name: 'smoke test in Deno', command: [...deno, 'test/deno-smoke.ts'] },
  { name: 'smoke test of the server in Deno', command: [...deno, 'test/deno-http-smoke.ts'] },
  { name: 'example: Bun service', command: ['bun', 'examples/bun-service.ts'] },
  { name: 'example: Deno service', command: [...deno, 'examples/deno-service.ts'] },
  { name: 'the package, installed and run in Bun and Deno', command: ['bun', 'scripts/check-package.ts'] },
  {
    name: 'the container, built and run',
    command: ['bun', 'scripts/check-container.ts'],
    counts: countsOrSkipped,
  },
];

interface Ended {
  readonly step: Step;
  readonly code: number;
  readonly output: string;
}

const others = runAll(OTHERS);
const suite = await run(SUITE, (data) => process.stdout.write(data));
let passed = 0;
let failed = 0;
for (const { step, code, output } of [suite, ...(await others)]) {
  if (step !== SUITE) process.stdout.write(`\n== ${step.name}\n${output}`);
  const counts = step.counts?.(output, code) ?? { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 };
  passed += counts.passed;
  // A runner that fails without naming a test (a crash, a file that does not load) has failed all the same.
  failed += counts.failed === 0 && code !== 0 ? 1 : counts.failed;
}
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);

async function runAll(steps: readonly Step[]): Promise<Ended[]> {
  const ended: Ended[] = [];
  for (const step of steps) ended.push(await run(step));
  return ended;
}

function run(step: Step, onOutput: (data: Buffer) => void = () => undefined): Promise<Ended> {
  const [file, ...args] = step.command;
  const env = step === SUITE ? { ...process.env, ...temporaryFiles() } : process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    let output = '';
    const keep = (data: Buffer): void => {
      onOutput(data);
      output += data.toString();
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', reject);
    child.once('close', (code) => resolve({ step, code: code ?? 1, output }));
  });
}

/**
 * Where the tests have their files: in memory where there is plenty, since what they wait for most is a disk that confirms its
 * writes, and they kill processes, but never cut the power. `TMPDIR`, where it is set, says otherwise.
 */
function temporaryFiles(): { readonly TMPDIR?: string } {
  if (process.env.TMPDIR !== undefined || !hasRoom('/dev/shm')) return {};
  const folder = mkdtempSync('/dev/shm/syncline-tests-');
  // PostgreSQL, which does not run as root, has its files below.
  chmodSync(folder, 0o711);
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  return { TMPDIR: folder };
}

function hasRoom(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize >= MEMORY_BYTES_MIN;
  } catch {
    return false;
  }
}
