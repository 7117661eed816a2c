import type { FieldValue } from './fields.ts';
import type { Filter } from './filter.ts';

/**
 * Whether a record matches a filter that `parseFilter` has checked: what the filter means, said without SQL. Tables answer
 * the same (`test/vectors/filter-sql.test.ts` compares the two).
 *
 * @param valueIn - The value of a built-in or declared field; `null` where the record has none.
 */
export function matchesFilter(filter: Filter, valueIn: (field: string) => FieldValue): boolean {
  switch (filter.op) {
    case 'and':
      return filter.filters.every((part) => matchesFilter(part, valueIn));
    case 'or':
      return filter.filters.some((part) => matchesFilter(part, valueIn));
    case 'not':
      return !matchesFilter(filter.filter, valueIn);
    default:
      return matchesComparison(filter, valueIn(filter.field));
  }
}

type Comparison = Exclude<Filter, { readonly op: 'and' | 'or' | 'not' }>;

function matchesComparison(filter: Comparison, value: FieldValue): boolean {
  switch (filter.op) {
    case 'eq':
      // `===` and not `Object.is`: 0 and -0 are one number to a table, too.
      return value === filter.value;
    case 'ne':
      return value !== filter.value;
    case 'in':
      return filter.values.some((each) => each === value);
    case 'contains':
      return value !== null && holds(value, filter.value);
    case 'lt':
      return value !== null && compare(value, filter.value) < 0;
    case 'lte':
      return value !== null && compare(value, filter.value) <= 0;
    case 'gt':
      return value !== null && compare(value, filter.value) > 0;
    case 'gte':
      return value !== null && compare(value, filter.value) >= 0;
  }
}

function holds(value: NonNullable<FieldValue>, wanted: string): boolean {
  return (typeof value === 'string' || Array.isArray(value)) && value.includes(wanted);
}

/** Texts by their bytes in UTF-8, as tables order them; numbers by size. */
function compare(value: NonNullable<FieldValue>, bound: string | number): number {
  if (typeof value === 'string' && typeof bound === 'string') return compareTexts(value, bound);
  return Number(value) - Number(bound);
}

/** UTF-8 orders by code point, UTF-16 does not: surrogates stand before U+E000 to U+FFFF. */
function compareTexts(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let at = 0; at < length; at += 1) {
    const difference = one.charCodeAt(at) - other.charCodeAt(at);
    if (difference !== 0) return codePointOrder(one.charCodeAt(at)) - codePointOrder(other.charCodeAt(at));
  }
  return one.length - other.length;
}

/** Puts surrogates, which stand for the largest code points, last. */
function codePointOrder(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
