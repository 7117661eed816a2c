import { describe, expect, test } from 'bun:test';
import { fieldValues, parseFieldTypes } from '../../src/domain/fields.ts';
import { parseFilter } from '../../src/domain/filter.ts';

const FIELDS = parseFieldTypes({
  price: 'number',
  count: 'integer',
  sold: 'boolean',
  tags: 'string[]',
  lang: 'string',
});

describe('parseFilter', () => {
  test('takes every operator on fields of its type', () => {
    const filter = {
      op: 'and',
      filters: [
        { op: 'eq', field: 'lang', value: 'en' },
        { op: 'ne', field: 'sold', value: null },
        { op: 'in', field: 'count', values: [1, 2] },
        {
          op: 'or',
          filters: [
            { op: 'lt', field: 'price', value: 1.5 },
            { op: 'gte', field: 'key', value: 'm' },
          ],
        },
        { op: 'not', filter: { op: 'contains', field: 'tags', value: 'a' } },
        { op: 'contains', field: 'title', value: 'b' },
      ],
    };
    expect(parseFilter(filter, FIELDS)).toEqual(filter as ReturnType<typeof parseFilter>);
  });

  test('keeps nothing that it does not know', () => {
    expect(parseFilter({ op: 'eq', field: 'lang', value: 'en', sql: '1=1' }, FIELDS)).toEqual({
      op: 'eq',
      field: 'lang',
      value: 'en',
    });
  });

  test('refuses wrong shapes, fields and types, with the path of the part', () => {
    const wrong: unknown[] = [
      null,
      'lang = 1',
      {},
      { op: 'like', field: 'lang', value: 'x' },
      { op: 'eq', field: 'toString', value: 'x' },
      { op: 'eq', field: '__proto__', value: 'x' },
      { op: 'eq', field: 'lang', value: 1 },
      { op: 'eq', field: 'count', value: 1.5 },
      { op: 'eq', field: 'price', value: Number.NaN },
      { op: 'lt', field: 'sold', value: true },
      { op: 'eq', field: 'tags', value: 'a' },
      { op: 'contains', field: 'count', value: '1' },
      { op: 'in', field: 'lang', values: 'en' },
      { op: 'and', filters: [] },
      { op: 'eq', field: 'lang', value: 'a\0' },
    ];
    for (const input of wrong) {
      expect(() => parseFilter({ op: 'not', filter: input }, FIELDS)).toThrow(
        expect.objectContaining({ code: 'INVALID_FILTER', details: { path: 'filter.filter' } }),
      );
    }
  });

  test('bounds depth, parts and values', () => {
    let deep: unknown = { op: 'eq', field: 'lang', value: 'en' };
    for (let level = 0; level < 20; level += 1) deep = { op: 'not', filter: deep };
    const part = { op: 'eq', field: 'lang', value: 'en' };
    for (const input of [
      deep,
      { op: 'or', filters: Array.from({ length: 300 }, () => part) },
      { op: 'in', field: 'lang', values: Array.from({ length: 10_001 }, () => 'en') },
    ]) {
      expect(() => parseFilter(input, FIELDS)).toThrow(expect.objectContaining({ code: 'INVALID_FILTER' }));
    }
  });
});

describe('declared fields', () => {
  test('names and types that cannot be columns are refused', () => {
    const wrong = [
      { '1st': 'string' },
      { 'a b': 'string' },
      { source: 'string' },
      { a: 'date' },
      { A: 'string', a: 'string' },
    ];
    for (const fields of wrong) {
      expect(() => parseFieldTypes(fields as unknown as Record<string, string>)).toThrow(
        expect.objectContaining({ code: 'INVALID_FIELD' }),
      );
    }
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, number) => [`f${number}`, 'string']));
    expect(() => parseFieldTypes(many)).toThrow(expect.objectContaining({ code: 'INVALID_FIELD' }));
  });

  test('values are taken from metadata by type; missing ones are null', () => {
    expect(fieldValues(FIELDS, { price: 1.5, count: 2, tags: ['a'], other: 'kept elsewhere' })).toEqual({
      count: 2,
      lang: null,
      price: 1.5,
      sold: null,
      tags: ['a'],
    });
    for (const metadata of [
      { count: 1.5 },
      { tags: 'a' },
      { tags: [1] },
      { sold: 1 },
      { lang: 2 },
      { price: '1' },
    ]) {
      expect(() => fieldValues(FIELDS, metadata)).toThrow(
        expect.objectContaining({ code: 'INVALID_METADATA' }),
      );
    }
  });
});
