/*
 * Runs every check in turn and prints, as the last line, the sum of passed and failed tests. Ends with 1 when anything
 * failed or when no test ran.
 */
import { spawn } from 'node:child_process';
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

/**
 * Two processes, since most of the suite waits for one disk, clock or child at a time. The long time limit is for machines that
 * are busy with something else; no test needs it.
 */
const testInBun = [
  'bun',
  'test',
  '--parallel=2',
  '--no-isolate',
  '--timeout=30000',
  '--conditions=development',
] as const;

const deno = ['deno', 'run', '--allow-all', '--quiet'] as const;

const STEPS: readonly Step[] = [
  { name: 'format and lint', command: ['biome', 'ci', '--colors=off', '.'] },
  { name: 'types', command: ['tsc', '-p', 'tsconfig.json'] },
  {
    name: 'types in Deno',
    command: ['deno', 'check', '--quiet', 'src/index.ts', 'src/cli/main.ts', 'examples/deno-service.ts'],
  },
  { name: 'tests in Bun', command: testInBun, counts: bunCounts },
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

let passed = 0;
let failed = 0;
for (const step of STEPS) {
  process.stdout.write(`\n== ${step.name}\n`);
  const { code, output } = await run(step.command);
  const counts = step.counts?.(output, code) ?? { passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 };
  passed += counts.passed;
  // A runner that fails without naming a test (a crash, a file that does not load) has failed all the same.
  failed += counts.failed === 0 && code !== 0 ? 1 : counts.failed;
}
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
process.stdout.write(`\n${passed} passed, ${failed} failed\n`);

function run([file, ...args]: Step['command']): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (data: Buffer): void => {
      process.stdout.write(data);
      output += data.toString();
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}
