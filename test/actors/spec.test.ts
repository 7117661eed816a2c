import { expect, test } from 'bun:test';
import { readFileSync } from 'node:fs';

const spec = readFileSync(new URL('../../src/actors/SPEC.md', import.meta.url), 'utf8');

test('every invariant of SPEC.md names tests that exist', () => {
  const invariants = spec
    .slice(spec.indexOf('## What always holds'))
    .split(/\n(?=\d+\. )/)
    .slice(1);
  expect(invariants).toHaveLength(15);
  for (const invariant of invariants) {
    const enforced = [...invariant.matchAll(/`([a-z-]+)`: ((?:"[^"]+"(?:, )?)+)/g)];
    expect(enforced).not.toEqual([]);
    for (const [, file, names = ''] of enforced) {
      const source = readFileSync(new URL(`./${file}.test.ts`, import.meta.url), 'utf8');
      for (const [, name = ''] of names.matchAll(/"([^"]+)"/g)) expect(source).toContain(`'${name}'`);
    }
  }
});
