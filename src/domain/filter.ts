import { SynclineError } from './errors.ts';
import { BUILT_IN_FIELDS, type FieldType, type FieldTypes } from './fields.ts';

/** A value that a filter compares with. */
export type FilterValue = string | number | boolean;

/**
 * A structured search filter; never SQL. `field` is a declared field of the dataset or one of `source`, `key`, `title`.
 *
 * - `contains`: a `string[]` field holds the value, or a `string` field has it as a substring (case-sensitive).
 * - A document without the field (`null`) matches no comparison but `ne`.
 */
export type Filter =
  | { readonly op: 'eq' | 'ne'; readonly field: string; readonly value: FilterValue | null }
  | { readonly op: 'lt' | 'lte' | 'gt' | 'gte'; readonly field: string; readonly value: string | number }
  | { readonly op: 'in'; readonly field: string; readonly values: readonly FilterValue[] }
  | { readonly op: 'contains'; readonly field: string; readonly value: string }
  | { readonly op: 'and' | 'or'; readonly filters: readonly Filter[] }
  | { readonly op: 'not'; readonly filter: Filter };

/** Deepest nesting: LanceDB's parser refuses 50 levels of parentheses; each of ours may need two. */
const FILTER_DEPTH_MAX = 16;
/** Most comparisons in one filter. LanceDB's parser crashes the process at 50,000 alternatives. */
const FILTER_NODES_MAX = 256;
/** Most values of one `in`. */
const FILTER_VALUES_MAX = 10_000;

/** The type of a field that a filter may name, or `undefined` when the dataset has no such field. */
export function filterFieldType(field: string, fields: FieldTypes): FieldType | undefined {
  if (Object.hasOwn(BUILT_IN_FIELDS, field)) return BUILT_IN_FIELDS[field as keyof typeof BUILT_IN_FIELDS];
  return Object.hasOwn(fields, field) ? fields[field] : undefined;
}

/**
 * Checks a filter from outside (JSON of unknown shape) against the fields of a dataset and returns it, typed.
 *
 * @throws SynclineError `INVALID_FILTER` with the path of the part that is wrong.
 */
export function parseFilter(input: unknown, fields: FieldTypes): Filter {
  const budget = { nodes: FILTER_NODES_MAX };
  return parseNode(input, fields, 'filter', 0, budget);
}

function parseNode(
  input: unknown,
  fields: FieldTypes,
  path: string,
  depth: number,
  budget: { nodes: number },
): Filter {
  if (depth > FILTER_DEPTH_MAX) throw invalidFilter(path, `is nested deeper than ${FILTER_DEPTH_MAX} levels`);
  budget.nodes -= 1;
  if (budget.nodes < 0) throw invalidFilter(path, `has more than ${FILTER_NODES_MAX} parts`);
  if (typeof input !== 'object' || input === null)
    throw invalidFilter(path, 'must be an object with an "op"');
  const node = input as Record<string, unknown>;
  const { op } = node;
  switch (op) {
    case 'and':
    case 'or':
      return { op, filters: parseList(node, fields, path, depth, budget) };
    case 'not':
      return { op, filter: parseNode(node.filter, fields, `${path}.filter`, depth + 1, budget) };
    case 'eq':
    case 'ne':
    case 'lt':
    case 'lte':
    case 'gt':
    case 'gte':
    case 'in':
    case 'contains':
      return parseComparison(op, node, fields, path);
    default:
      throw invalidFilter(
        path,
        `has the unknown op ${JSON.stringify(op)}; known are eq, ne, in, lt, lte, gt, gte, contains, and, or, not`,
      );
  }
}

function parseList(
  node: Record<string, unknown>,
  fields: FieldTypes,
  path: string,
  depth: number,
  budget: { nodes: number },
): Filter[] {
  const { filters } = node;
  if (!Array.isArray(filters) || filters.length === 0)
    throw invalidFilter(path, 'needs a non-empty list "filters"');
  return filters.map((item, index) =>
    parseNode(item, fields, `${path}.filters[${index}]`, depth + 1, budget),
  );
}

function parseComparison(
  op: 'eq' | 'ne' | 'lt' | 'lte' | 'gt' | 'gte' | 'in' | 'contains',
  node: Record<string, unknown>,
  fields: FieldTypes,
  path: string,
): Filter {
  const { field } = node;
  const type = typeof field === 'string' ? filterFieldType(field, fields) : undefined;
  if (typeof field !== 'string' || type === undefined) {
    const known = [...Object.keys(BUILT_IN_FIELDS), ...Object.keys(fields)].join(', ');
    throw invalidFilter(path, `names the unknown field ${JSON.stringify(field)}; this dataset has ${known}`);
  }
  if (op === 'in') {
    const { values } = node;
    if (!Array.isArray(values) || values.length > FILTER_VALUES_MAX) {
      throw invalidFilter(path, `needs a list "values" of at most ${FILTER_VALUES_MAX}`);
    }
    return { op, field, values: values.map((value) => scalarOfType(value, type, path, op)) };
  }
  const { value } = node;
  if (op === 'contains') {
    if ((type !== 'string' && type !== 'string[]') || typeof value !== 'string') {
      throw invalidFilter(path, '"contains" compares a string with a field of type string or string[]');
    }
    return { op, field, value: checkText(value, path) };
  }
  if (op === 'eq' || op === 'ne') {
    return { op, field, value: value === null ? null : scalarOfType(value, type, path, op) };
  }
  const bound = scalarOfType(value, type, path, op);
  if (typeof bound === 'boolean') throw invalidFilter(path, `cannot order booleans with "${op}"`);
  return { op, field, value: bound };
}

function scalarOfType(value: unknown, type: FieldType, path: string, op: string): FilterValue {
  if (type === 'string' && typeof value === 'string') return checkText(value, path);
  if (type === 'number' && typeof value === 'number' && Number.isFinite(value)) return value;
  if (type === 'integer' && typeof value === 'number' && Number.isSafeInteger(value)) return value;
  if (type === 'boolean' && typeof value === 'boolean') return value;
  const hint = type === 'string[]' ? '; use "contains" for lists' : '';
  throw invalidFilter(
    path,
    `cannot compare a field of type ${type} with ${JSON.stringify(value)} by "${op}"${hint}`,
  );
}

function checkText(value: string, path: string): string {
  if (value.includes('\0')) throw invalidFilter(path, 'contains the zero character U+0000');
  return value.toWellFormed();
}

function invalidFilter(path: string, reason: string): SynclineError {
  return new SynclineError('INVALID_FILTER', `The part "${path}" ${reason}.`, { details: { path } });
}
