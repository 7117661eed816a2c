import { describe, expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { SETTINGS_PAGES, withSettingsTables } from '../../scripts/settings-tables.ts';
import { createProgram } from '../../src/cli/create-program.ts';
import { type Filter, parseFilter } from '../../src/domain/filter.ts';
import { PROVIDER_LIMITS } from '../../src/embedders/provider-limits.ts';
import { PROBLEM_KINDS } from '../../src/http/problem-kinds.ts';
import { resolveOptions, type SynclineOptions } from '../../src/runtime/options.ts';
import { findSetting, SETTINGS } from '../../src/runtime/settings/settings.ts';
import { BLOCKS, PAGES, ROOT, readRepoFile, tableRows } from './pages.ts';

const SOURCE = readdirSync(join(ROOT, 'src'), { recursive: true })
  .map(String)
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({ name, text: readRepoFile(`src/${name}`) }));

/** Code words of a page that look like an error code: capitals with at least one underscore. */
function codesNamedOn(page: string): string[] {
  return [...readRepoFile(page).matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)].map((match) => match[1] ?? '');
}

const declaredCodes = [
  ...(readRepoFile('src/domain/errors.ts').match(/export type ErrorCode =[\s\S]*?;/)?.[0] ?? '').matchAll(
    /'([A-Z_]+)'/g,
  ),
].map((match) => match[1] ?? '');

/** Those that only the HTTP face gives. */
const httpCodes = [...readRepoFile('src/http/http-error.ts').matchAll(/'([A-Z_]+)'/g)].map(
  ([, code = '']) => code,
);

const environmentNames = new Set([
  ...SOURCE.flatMap(({ text }) => [...text.matchAll(/\b(?:SYNCLINE|OPENAI|LANCEDB|NO)_[A-Z_]+\b/g)]).map(
    ([name]) => name,
  ),
  ...SETTINGS.flatMap(({ env, fileEnv }) => [env ?? '', fileEnv ?? '']),
]);

describe('error codes', () => {
  const documented = tableRows('docs/embedding.md', 'code').map(([code = '']) => code);
  const reserved = [
    ...(readRepoFile('docs/embedding.md').match(/^Reserved, never raised today:.*$/m)?.[0] ?? '').matchAll(
      /`([A-Z_]+)`/g,
    ),
  ].map((match) => match[1] ?? '');

  test('are all documented, each once', () => {
    expect([...documented, ...reserved].sort()).toEqual([...declaredCodes].sort());
  });

  test('are called reserved exactly where nothing in the source raises them', () => {
    const unused = declaredCodes.filter(
      (code) => !SOURCE.some(({ name, text }) => name !== 'domain/errors.ts' && text.includes(`'${code}'`)),
    );
    expect([...reserved].sort()).toEqual(unused.sort());
  });

  test.each(PAGES)('%s names no other code or variable than those of the source', (page) => {
    // Of the command line, see src/cli; and the variable part of a file name in CONTRIBUTING.md.
    const others = new Set(['OUTPUT_FAILED', ...httpCodes]);
    const unknown = codesNamedOn(page).filter(
      (name) =>
        !declaredCodes.includes(name) &&
        !environmentNames.has(name) &&
        !others.has(name) &&
        // Only the tests read them.
        !name.startsWith('SYNCLINE_TEST_'),
    );
    expect(unknown).toEqual([]);
  });

  test('each have a meaning and a remedy', () => {
    for (const [code, meaning, remedy] of tableRows('docs/embedding.md', 'code')) {
      expect([code, (meaning ?? '').length > 5, (remedy ?? '').length > 5]).toEqual([code, true, true]);
    }
  });
});

describe('options', () => {
  const rows = tableRows('docs/embedding.md', 'option');
  const declared = [
    ...(
      readRepoFile('src/runtime/options.ts').match(/export interface SynclineOptions \{[\s\S]*?\n\}/)?.[0] ??
      ''
    ).matchAll(/^ {2}readonly (\w+)\?:/gm),
  ].map((match) => match[1] ?? '');

  test('are all documented, and no others', () => {
    expect(rows.map(([name]) => name)).toEqual(declared);
  });

  const defaults = { ...resolveOptions({}), dataDir: '".syncline"' } as Record<string, unknown>;
  const numbers = rows.filter(([name = '']) => typeof defaults[name] === 'number');

  test.each(numbers)(
    '%s has the default and the range that are documented',
    (name = '', shown = '', meaning = '') => {
      const number = (text: string): number => Number(text.replaceAll(',', ''));
      expect(number(shown)).toBe(Number(defaults[name]));
      const [, least = '', most = ''] = /([\d,]+) to ([\d,]+)$/.exec(meaning) ?? [];
      const resolve = (value: number) => () => resolveOptions({ [name]: value } as SynclineOptions);
      expect(resolve(number(least))).not.toThrow();
      expect(resolve(number(most))).not.toThrow();
      expect(resolve(number(least) - 1)).toThrow(name);
      expect(resolve(number(most) + 1)).toThrow(name);
    },
  );

  test('that are no numbers have the default that is documented', () => {
    for (const name of ['access', 'durableTables', 'datasetOrder']) {
      expect(rows.find(([row]) => row === name)?.[1]).toBe(String(defaults[name]));
    }
  });
});

describe('settings', () => {
  test.each(SETTINGS_PAGES)(
    'stand in the tables of %s as in the source (bun scripts/settings-tables.ts)',
    (page) => {
      const text = readRepoFile(page);
      expect(text).toContain('<!-- settings ');
      expect(text).toBe(withSettingsTables(text));
    },
  );

  test('that programs alone give are documented with the options of the library', () => {
    const documented = tableRows('docs/embedding.md', 'option').map(([name]) => name);
    const ofPrograms = SETTINGS.filter(({ setting }) => setting.library).map(({ name }) => name);
    expect(ofPrograms.filter((name) => !documented.includes(name))).toEqual([]);
  });
});

describe('events', () => {
  test('are all documented, and no others', () => {
    const declared = [...readRepoFile('src/runtime/events.ts').matchAll(/readonly type: '([\w.]+)'/g)];
    const documented = tableRows('docs/embedding.md', 'event').flatMap(([names = '']) => names.split(', '));
    expect(documented.sort()).toEqual([...new Set(declared.map((match) => match[1] ?? ''))].sort());
  });
});

describe('filters', () => {
  test('are documented with every operator, in a form that is accepted', () => {
    const source = readRepoFile('src/domain/filter.ts').match(/export type Filter =[\s\S]*?;\n\n/)?.[0] ?? '';
    const operators = [...source.matchAll(/op: ([^;]+);/g)].flatMap((match) => (match[1] ?? '').split(' | '));
    const rows = tableRows('docs/searching.md', 'op');
    expect(rows.map(([op]) => `'${op}'`).sort()).toEqual(operators.sort());
    for (const [op, form = ''] of rows) {
      const filter = JSON.parse(form) as Filter;
      expect([op, parseFilter(filter, { price: 'number', tags: 'string[]' })]).toEqual([filter.op, filter]);
    }
  });
});

describe('limits', () => {
  test('of providers are those of the source', () => {
    for (const [name = '', ...shown] of tableRows('docs/embedders.md', 'provider')) {
      const limits = PROVIDER_LIMITS[name as keyof typeof PROVIDER_LIMITS];
      const { itemsPerRequestMax, tokensPerItemMax, tokensPerRequestMax, requestsInFlightMax } = limits;
      expect(shown.map((text) => Number(text.replaceAll(',', '')))).toEqual([
        itemsPerRequestMax,
        tokensPerItemMax,
        tokensPerRequestMax,
        requestsInFlightMax,
      ]);
    }
  });

  const constants: readonly (readonly [
    row: string,
    ...constants: (readonly [file: string, name: string])[],
  ])[] = [
    ['Project or dataset name', ['domain/address.ts', 'NAME_LENGTH_MAX']],
    ['Key of a document', ['domain/document.ts', 'KEY_LENGTH_MAX']],
    ['Source of a document', ['domain/document.ts', 'SOURCE_LENGTH_MAX']],
    ['Title of a document', ['domain/document.ts', 'TITLE_LENGTH_MAX']],
    ['Content of a document', ['settings', 'documentLengthMax']],
    [
      'Metadata of a document',
      ['domain/metadata.ts', 'METADATA_LENGTH_MAX'],
      ['domain/metadata.ts', 'METADATA_DEPTH_MAX'],
    ],
    ['Declared fields of a dataset', ['domain/fields.ts', 'FIELDS_MAX']],
    ['Dimensions of a vector', ['embedders/openai-options.ts', 'DIMENSIONS_MAX']],
    ['Query', ['runtime/search.ts', 'QUERY_LENGTH_MAX']],
    ['Results of a search', ['runtime/search.ts', 'LIMIT_MAX']],
    ['Datasets in a search over a project', ['runtime/search.ts', 'DATASETS_PER_SEARCH_MAX']],
    ['Parts of a filter', ['domain/filter.ts', 'FILTER_NODES_MAX'], ['domain/filter.ts', 'FILTER_DEPTH_MAX']],
    ['Values of one in', ['domain/filter.ts', 'FILTER_VALUES_MAX']],
    ['Datasets with an actor at once', ['settings', 'datasetActorsMax']],
  ];

  test('are all compared with the source', () => {
    expect(tableRows('docs/operations.md', 'what').map(([row]) => row)).toEqual(
      constants.map(([row]) => row),
    );
  });

  test.each(constants)('of "%s" are those of the source', (row, ...expected) => {
    const shown = tableRows('docs/operations.md', 'what').find(([name]) => name === row)?.[1] ?? '';
    const numbers = [...shown.matchAll(/\d[\d,]*/g)].map(([text]) => Number(text.replaceAll(',', '')));
    const values = expected.map(([file, name]) => {
      if (file === 'settings') return findSetting(name)?.setting.default;
      const [, value = ''] =
        new RegExp(`\\b${name}(?: =)? (\\d[\\d_]*)[,;]`).exec(readRepoFile(`src/${file}`)) ?? [];
      return Number(value.replaceAll('_', ''));
    });
    // "UTF-16" is no limit.
    expect<unknown>(numbers.filter((number) => number !== 16 || values.includes(16))).toEqual(values);
  });
});

describe('the command line', () => {
  const program = createProgram(async () => undefined);

  /** Every `syncline …` in a block of commands, without what the shell adds to it. */
  const commandLines = BLOCKS.filter(({ language }) => language === 'sh').flatMap(({ at, code }) =>
    code
      .replaceAll(/'[^']*'|"[^"]*"/g, (text) => text.replaceAll(/\s+/g, ' '))
      .split('\n')
      .flatMap((line) => line.replace(/\s#.*$/, '').split(/[|>]|&&|;/))
      .map((line) => line.trim())
      .filter((line) => /^(?:[A-Z_]+=\S+ )*syncline /.test(line))
      .map((line) => [`${at} ${line}`, line.slice(line.indexOf('syncline '))] as const),
  );
  const inProse = PAGES.flatMap((page) =>
    [...readRepoFile(page).matchAll(/`(syncline [a-z][^`]*)`/g)].map(
      (match) => [`${page} ${match[1]}`, match[1] ?? ''] as const,
    ),
  );

  test.each([...commandLines, ...inProse])('has the command and the options of %s', (_, line) => {
    const words = line
      .replaceAll(/'[^']*'|"[^"]*"/g, 'TEXT')
      .split(/\s+/)
      .slice(1);
    let command: Command = program;
    for (const word of words) {
      const next = command.commands.find((known) => known.name() === word);
      if (next === undefined) break;
      command = next;
    }
    expect(command).not.toBe(program);
    const known = [...program.options, ...command.options, ...optionsOfParents(command)].flatMap(
      ({ long, short }) => [long, short],
    );
    expect(words.filter((word) => word.startsWith('-') && word !== '-' && !known.includes(word))).toEqual([]);
  });
});

function optionsOfParents(command: Command): Command['options'] {
  return command.parent === null ? [] : [...command.parent.options, ...optionsOfParents(command.parent)];
}

test('docs/rest.md has every code that only HTTP gives, with its status', () => {
  const documented = tableRows('docs/rest.md', 'code').map(([code = '', status = '']) => [
    code,
    Number(status),
  ]);
  const own = Object.entries(PROBLEM_KINDS).filter(([code]) => !declaredCodes.includes(code));
  expect(documented.toSorted()).toEqual(own.map(([code, { status }]) => [code, status]).toSorted());
});
