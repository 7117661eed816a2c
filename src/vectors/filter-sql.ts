import { SynclineError } from '../domain/errors.ts';
import { BUILT_IN_FIELDS, type FieldType, type FieldTypes } from '../domain/fields.ts';
import { type Filter, type FilterValue, filterFieldType } from '../domain/filter.ts';
import { fieldColumn } from './table-schema.ts';

/** Longest expression, in characters: several `in` of 10,000 long strings would otherwise take seconds to parse. */
const SQL_LENGTH_MAX = 4_000_000;

/**
 * Compiles a filter into the SQL expression that LanceDB's `where` takes. Every value becomes a literal: strings quoted
 * with quotes doubled (backslash, `%` and `_` have no meaning: `contains` is a function call, not `LIKE`), numbers in a form
 * that reads back to the same number. Every column name comes from the declared fields.
 *
 * SQL has three truth values, a filter has two. `and` and `or` of comparisons are TRUE in SQL exactly where they are true
 * in the filter (NULL counts as "no match" in both), so only `not` and `ne` need care: `(…) IS NOT TRUE` turns NULL into a match.
 *
 * @throws SynclineError `INVALID_FILTER` when it names a field that the table does not have, or is too long.
 */
export function compileFilter(filter: Filter, fields: FieldTypes): string {
  const sql = compile(filter, fields);
  if (sql.length > SQL_LENGTH_MAX) {
    throw invalidFilter(
      `is ${sql.length} characters long when written out; the most is ${SQL_LENGTH_MAX}. Give fewer values`,
    );
  }
  return sql;
}

function compile(filter: Filter, fields: FieldTypes): string {
  switch (filter.op) {
    case 'and':
    case 'or': {
      // No part at all: `and` holds for every row, `or` for none.
      if (filter.filters.length === 0) return filter.op === 'and' ? 'true' : 'false';
      const parts = filter.filters.map((part) => compile(part, fields));
      return parts.length === 1 ? `${parts[0]}` : `(${parts.join(filter.op === 'and' ? ' AND ' : ' OR ')})`;
    }
    case 'not':
      return `(${compile(filter.filter, fields)}) IS NOT TRUE`;
    default:
      return compileComparison(filter, fields);
  }
}

type Comparison = Exclude<Filter, { readonly op: 'and' | 'or' | 'not' }>;

const OPERATORS = { lt: '<', lte: '<=', gt: '>', gte: '>=' } as const;

function compileComparison(filter: Comparison, fields: FieldTypes): string {
  const type = filterFieldType(filter.field, fields);
  if (type === undefined) throw invalidFilter(`names the unknown field ${JSON.stringify(filter.field)}`);
  const column = columnOf(filter.field);
  switch (filter.op) {
    case 'eq':
      return filter.value === null ? `${column} IS NULL` : `${column} = ${literal(filter.value, type)}`;
    case 'ne':
      return filter.value === null
        ? `${column} IS NOT NULL`
        : `(${column} = ${literal(filter.value, type)}) IS NOT TRUE`;
    case 'in':
      if (filter.values.length === 0) return 'false';
      return `${column} IN (${filter.values.map((value) => literal(value, type)).join(',')})`;
    case 'contains':
      return `${type === 'string[]' ? 'array_has' : 'contains'}(${column}, ${quote(filter.value)})`;
    default:
      return `${column} ${OPERATORS[filter.op]} ${literal(filter.value, type)}`;
  }
}

/** The quoted column of a field; case matters inside the quotes. */
function columnOf(field: string): string {
  const column = Object.hasOwn(BUILT_IN_FIELDS, field) ? field : fieldColumn(field);
  if (!/^\w+$/.test(column)) throw invalidFilter(`names the field ${JSON.stringify(field)}`);
  return `\`${column}\``;
}

function literal(value: FilterValue, type: FieldType): string {
  if (typeof value === 'string' && type === 'string') return quote(value);
  if (typeof value === 'boolean' && type === 'boolean') return value ? '1' : '0';
  if (typeof value === 'number' && type === 'integer' && Number.isSafeInteger(value)) return value.toFixed(0);
  // Exponent form: `1e21` and `12345678901234567890` would otherwise read as something else than a float.
  if (typeof value === 'number' && type === 'number' && Number.isFinite(value)) return value.toExponential();
  throw invalidFilter(`compares a field of type ${type} with ${JSON.stringify(value)}`);
}

function quote(text: string): string {
  if (text.includes('\0')) throw invalidFilter('contains the zero character U+0000');
  return `'${text.toWellFormed().replaceAll("'", "''")}'`;
}

function invalidFilter(reason: string): SynclineError {
  return new SynclineError('INVALID_FILTER', `The filter ${reason}.`);
}
