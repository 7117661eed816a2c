/* Simulates seeds one after the other: `bun test/simulation/run-seeds.ts FIRST [COUNT [SECONDS]]`. One alone is told step by step. */
import process from 'node:process';
import { openSimDatabase } from './sim-catalog.ts';
import { simulate } from './simulate.ts';

const [first = 1, count = 1, seconds = Number.POSITIVE_INFINITY] = process.argv.slice(2).map(Number);
const endMs = performance.now() + seconds * 1_000;
const database = await openSimDatabase();
let done = 0;
let violations = 0;
while (done < count && performance.now() < endMs) {
  const { seed, violation, trace } = await simulate(first + done, database);
  done += 1;
  if (count === 1) console.log(trace.join('\n'));
  if (violation === undefined) continue;
  violations += 1;
  console.log(`seed ${seed}: ${violation}`);
}
console.log(`${done} seeds, ${violations} violations`);
process.exitCode = violations === 0 ? 0 : 1;
