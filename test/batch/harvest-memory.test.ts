import { expect, test } from 'bun:test';
import { startProgram } from '../support/child-program.ts';

/** As for a full job, whose output is twenty times as long; see bench/batch-harvest.ts. */
const PEAK_MB_MAX = 300;

test('the results of a job are brought in without being held in memory', async () => {
  const program = startProgram(new URL('../../bench/batch-harvest.ts', import.meta.url), ['--texts', '1500']);
  expect(await program.ended).toBe('0');
  const { stored, outputMb, peakMb } = JSON.parse(program.output());
  expect({ stored, isLarge: outputMb > 40 }).toEqual({ stored: 1_500, isLarge: true });
  expect(peakMb).toBeLessThan(PEAK_MB_MAX);
}, 300_000);
