import { expect, test } from 'bun:test';
import { chunk } from './chunking-support.ts';

/** A function of about 60 tokens, with a blank line in the middle. */
function functionOf(name: string): string {
  return [
    `export function ${name}(input: string): string[] {`,
    '  const found: string[] = [];',
    '  for (const word of input.split(" ")) {',
    `    if (word.startsWith("${name}")) found.push(word);`,
    '  }',
    '',
    '  found.sort((a, b) => a.localeCompare(b));',
    '  return found;',
    '}',
    '',
    '',
  ].join('\n');
}

test('source code is cut between functions rather than at the blank lines in them', () => {
  const names = ['alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta', 'theta', 'iota', 'kappa'];
  const content = names.map(functionOf).join('');
  const { texts } = chunk({ content, format: 'text' }, 200);
  expect(texts.length).toBeGreaterThan(3);
  for (const text of texts) expect(text).toStartWith('export function');
});

test('code without blank lines is cut behind a closing bracket rather than before it', () => {
  const block = 'if (a) {\n  first();\n  second(1, 2, 3);\n  third("four", "five");\n}\n';
  const { texts } = chunk({ content: block.repeat(30), format: 'text' }, 120);
  expect(texts.length).toBeGreaterThan(3);
  for (const text of texts) expect(text).toStartWith('if (a) {');
});
