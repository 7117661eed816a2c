import { expect, test } from 'bun:test';
import { parseTemplate } from '../../src/sources/sql/template.ts';

function render(text: string): string {
  const template = parseTemplate(text);
  return 'reason' in template ? template.reason : template.render((column) => `<${column}>`);
}

test('a template puts columns into a text', () => {
  expect(render('{{title}}\n\n{{ body }}')).toBe('<title>\n\n<body>');
  expect(render('no column')).toBe('no column');
  expect(render('{{a}}{{a}}')).toBe('<a><a>');
  expect(render('{{Der Name (2)}}: {{"x"}}')).toBe('<Der Name (2)>: <"x">');
  expect(render('{ {{a}} }, {{b}}}')).toBe('{ <a> }, <b>}');
});

test('a backslash makes braces text, two are one', () => {
  expect(render(String.raw`\{{a}}`)).toBe('{{a}}');
  expect(render(String.raw`\{{ {{a}}`)).toBe('{{ <a>');
  expect(render(String.raw`\\{{a}}`)).toBe(String.raw`\<a>`);
  expect(render(String.raw`\\\{{a}} \n`)).toBe(String.raw`\{{a}} \n`);
  expect(render(String.raw`C:\{{{a}}`)).toBe('C:{{{a}}');
});

test('braces without an end or a name are refused', () => {
  expect(render('{{a')).toContain('without "}}"');
  expect(render('{{ {{a}}')).toContain('without "}}"');
  expect(render('{{  }}')).toContain('without the name of a column');
});

test('the columns are told once each', () => {
  const template = parseTemplate('{{b}} {{a}} {{b}}');
  expect('columns' in template && template.columns).toEqual(['b', 'a']);
});
