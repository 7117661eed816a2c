import { expect, test } from 'bun:test';
import { mkdirSync, writeFileSync } from 'node:fs';
import { bytesOnDisk, sweepLeftovers } from '../../src/vectors/sweep-leftovers.ts';
import { makeTempDir } from '../support/temp-dir.ts';

test('the bytes of all files in a folder are counted, however many there are', async () => {
  using folder = makeTempDir();
  for (let part = 0; part < 3; part += 1) {
    mkdirSync(folder.join(`part-${part}`));
    for (let file = 0; file < 100; file += 1)
      writeFileSync(folder.join(`part-${part}`, `${file}`), 'x'.repeat(10));
  }
  expect(await bytesOnDisk(folder.path)).toBe(3_000);
  expect(await bytesOnDisk(folder.join('none'))).toBe(0);
});

test('a folder that is not there has no leftovers', async () => {
  using folder = makeTempDir();
  expect(await sweepLeftovers(folder.join('none'), Date.now())).toBe(0);
});
