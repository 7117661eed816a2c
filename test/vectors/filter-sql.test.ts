import { afterAll, beforeAll, describe, expect, test } from 'bun:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type { FieldType, FieldValue } from '../../src/domain/fields.ts';
import { type Filter, filterFieldType, parseFilter } from '../../src/domain/filter.ts';
import { matchesFilter } from '../../src/domain/match-filter.ts';
import { compileFilter } from '../../src/vectors/filter-sql.ts';
import { createLanceVectorStore } from '../../src/vectors/lance-vector-store.ts';
import type { TableRow, TableSpec, VectorStore, VectorTable } from '../../src/vectors/vector-store.ts';
import { row, rowsOf } from './table-fixtures.ts';

const spec: TableSpec = {
  dimensions: 3,
  fields: { Select: 'string', year: 'integer', rating: 'number', draft: 'boolean', tags: 'string[]' },
};

/** Few strings, so that filters match often; each is a trap for some way of quoting. */
const strings = [
  '',
  ' ',
  'a',
  'A',
  'ab',
  'é',
  'e\u0301',
  "it's",
  "''",
  "'; DROP TABLE t; --",
  '"q"',
  '`b`',
  '\\',
  "\\'",
  '%',
  '_',
  'a%b',
  '\n',
  '\r\n\t',
  '日本語',
  '😀',
  '\uffff',
  'NULL',
  'true',
  '1',
  '{"a":1}',
  '$1',
  '?',
  ':x',
  '--',
  '/*',
  'x'.repeat(300),
];
const integers = [0, 1, -1, 7, 2_147_483_648, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
const numbers = [
  0,
  -0,
  0.1,
  1,
  -1.5,
  1e21,
  2 ** 70,
  1e-7,
  5e-324,
  Number.MAX_VALUE,
  -Number.MAX_VALUE,
  0.1 + 0.2,
];

const stringArb = fc.constantFrom(...strings);
const integerArb = fc.constantFrom(...integers);
const numberArb = fc.constantFrom(...numbers);

function valueArb(type: FieldType): fc.Arbitrary<string | number | boolean> {
  if (type === 'integer') return integerArb;
  if (type === 'number') return numberArb;
  return type === 'boolean' ? fc.boolean() : stringArb;
}

const typedFields: readonly [string, FieldType][] = [
  ['source', 'string'],
  ['key', 'string'],
  ['title', 'string'],
  ...(Object.entries(spec.fields) as [string, FieldType][]),
];

const comparisonArb: fc.Arbitrary<Filter> = fc.constantFrom(...typedFields).chain(([field, type]) => {
  const value = valueArb(type);
  const nullCheck = fc.record({
    op: fc.constantFrom('eq', 'ne'),
    field: fc.constant(field),
    value: fc.constant(null),
  });
  const contains = fc.record({
    op: fc.constant('contains' as const),
    field: fc.constant(field),
    value: stringArb,
  });
  if (type === 'string[]') return fc.oneof(nullCheck, contains) as fc.Arbitrary<Filter>;
  const order = fc.constantFrom('lt', 'lte', 'gt', 'gte');
  return fc.oneof(
    nullCheck,
    fc.record({ op: fc.constantFrom('eq', 'ne'), field: fc.constant(field), value }),
    fc.record({
      op: fc.constant('in'),
      field: fc.constant(field),
      values: fc.array(value, { maxLength: 5 }),
    }),
    ...(type === 'boolean' ? [] : [fc.record({ op: order, field: fc.constant(field), value })]),
    ...(type === 'string' ? [contains] : []),
  ) as fc.Arbitrary<Filter>;
});

const filterArb: fc.Arbitrary<Filter> = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    comparisonArb,
    fc.record({
      op: fc.constantFrom('and', 'or'),
      filters: fc.array(tie('filter'), { minLength: 1, maxLength: 3 }),
    }) as fc.Arbitrary<Filter>,
    fc.record({ op: fc.constant('not' as const), filter: tie('filter') }),
  ),
})).filter;

const matches = (filter: Filter, found: TableRow): boolean =>
  matchesFilter(filter, (field) => fieldValueOf(found, field));

function fieldValueOf(found: TableRow, field: string): FieldValue {
  if (field === 'source' || field === 'key' || field === 'title') return found[field];
  return found.fields[field] ?? null;
}

function makeRows(): TableRow[] {
  const pick = <T>(items: readonly T[], index: number): T | null =>
    index % (items.length + 1) === items.length ? null : (items[index % (items.length + 1)] as T);
  return Array.from({ length: 120 }, (_, index) =>
    row(index + 1, index + 1, {
      source: strings[index % strings.length] as string,
      key: strings[(index * 7 + 3) % strings.length] as string,
      title: strings[(index * 5 + 1) % strings.length] as string,
      fields: {
        Select: pick(strings, index),
        year: pick(integers, index),
        rating: pick(numbers, index),
        draft: pick([true, false], index),
        tags:
          index % 5 === 0
            ? null
            : strings.slice(index % strings.length, (index % strings.length) + (index % 4)),
      },
    }),
  );
}

describe('a compiled filter', () => {
  const rows = makeRows();
  let folder: string;
  let store: VectorStore;
  let table: VectorTable;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'syncline-filter-'));
    store = createLanceVectorStore({ uri: folder, durable: false });
    table = await store.createTable('t', spec);
    await table.append(rowsOf(rows.slice(0, 60)));
    await table.append(rowsOf(rows.slice(60)));
  });

  afterAll(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  async function found(filter: Filter): Promise<number[]> {
    const hits = await table.searchVector({ vector: new Float32Array([1, 0, 0]), limit: 500, filter });
    return hits.map((hit) => hit.chunkId).sort((a, b) => a - b);
  }

  const expected = (filter: Filter): number[] =>
    rows.filter((each) => matches(filter, each)).map((each) => each.chunkId);

  test('finds exactly the rows that it means, for any nesting and any hostile value', async () => {
    await fc.assert(
      fc.asyncProperty(filterArb, async (filter) => {
        expect(await found(parseFilter(filter, spec.fields))).toEqual(expected(filter));
      }),
      { numRuns: 250 },
    );
  }, 120_000);

  test('takes each hostile string as that string and nothing else', async () => {
    for (const value of strings) {
      for (const op of ['eq', 'ne', 'contains'] as const) {
        const filter: Filter = { op, field: 'Select', value };
        expect(await found(filter)).toEqual(expected(filter));
      }
    }
  });

  test('holds 10,000 values and 16 levels of nesting', async () => {
    const values = Array.from({ length: 10_000 }, (_, index) => `it's ${index}`);
    expect(await found({ op: 'in', field: 'key', values: [...values, 'ab'] })).toEqual(
      expected({ op: 'eq', field: 'key', value: 'ab' }),
    );
    let deep: Filter = { op: 'eq', field: 'year', value: 7 };
    for (let level = 0; level < 16; level += 1) {
      deep = {
        op: 'and',
        filters: [
          { op: 'not', filter: deep },
          { op: 'ne', field: 'key', value: 'x' },
        ],
      };
    }
    expect(await found(deep)).toEqual(expected(deep));
  });

  test('holds as many alternatives as a filter may have', async () => {
    const filters = Array.from(
      { length: 255 },
      (_, year): Filter => ({ op: 'eq', field: 'year', value: year }),
    );
    const filter = parseFilter({ op: 'or', filters }, spec.fields);
    expect(await found(filter)).toEqual(expected(filter));
  });
});

describe('compileFilter', () => {
  test('refuses fields that the table does not have, values of another type, zero characters and endless lists', () => {
    const bad: Filter[] = [
      { op: 'eq', field: 'chunk_id', value: 1 },
      { op: 'eq', field: 'x` = 1 OR `key', value: 1 },
      { op: 'eq', field: 'year', value: '1 OR 1 = 1' },
      { op: 'eq', field: 'year', value: 1.5 },
      { op: 'lt', field: 'rating', value: Number.NaN },
      { op: 'eq', field: 'key', value: 'a\0b' },
      { op: 'in', field: 'key', values: Array.from({ length: 10_000 }, () => 'x'.repeat(500)) },
    ];
    for (const filter of bad) {
      expect(() => compileFilter(filter, spec.fields)).toThrow(
        expect.objectContaining({ code: 'INVALID_FILTER' }),
      );
    }
  });

  test('keeps the built-in fields apart from declared ones', () => {
    expect(filterFieldType('key', spec.fields)).toBe('string');
    expect(compileFilter({ op: 'eq', field: 'key', value: "o'k" }, spec.fields)).toBe("`key` = 'o''k'");
    expect(compileFilter({ op: 'eq', field: 'Select', value: 'a' }, spec.fields)).toBe(
      "`field_Select` = 'a'",
    );
  });
});
