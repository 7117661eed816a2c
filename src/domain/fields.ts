import { SynclineError } from './errors.ts';
import type { Metadata, MetadataValue } from './metadata.ts';

/** The type of a declared filterable field; each becomes a typed LanceDB column. */
export type FieldType = 'string' | 'number' | 'integer' | 'boolean' | 'string[]';

/** Declared filterable fields of a dataset: metadata key → type. */
export type FieldTypes = Readonly<Record<string, FieldType>>;

/** The value of a declared field in one document; `null` when the document has none. */
export type FieldValue = string | number | boolean | readonly string[] | null;

/** The fields every dataset can be filtered by without declaring them. */
export const BUILT_IN_FIELDS = {
  source: 'string',
  key: 'string',
  title: 'string',
} as const satisfies FieldTypes;

/** Most declared fields of one dataset: each is a column that every commit writes. */
const FIELDS_MAX = 64;
const FIELD_NAME = /^[a-z][a-z0-9_]{0,62}$/i;
const FIELD_TYPES: readonly FieldType[] = ['string', 'number', 'integer', 'boolean', 'string[]'];

/**
 * Checks a declaration of fields and returns it.
 *
 * @throws SynclineError `INVALID_FIELD` when a name or a type is not allowed, a built-in one is declared again, or two differ in case only.
 */
export function parseFieldTypes(fields: Readonly<Record<string, string>>): FieldTypes {
  const seen = new Set<string>(Object.keys(BUILT_IN_FIELDS));
  const names = Object.keys(fields);
  if (names.length > FIELDS_MAX)
    throw invalidField('fields', `${names.length} are declared; the most is ${FIELDS_MAX}`);
  const parsed: Record<string, FieldType> = {};
  for (const name of names.sort()) {
    if (!FIELD_NAME.test(name)) {
      throw invalidField(name, 'a name is a letter followed by at most 62 letters, digits or "_"');
    }
    if (seen.has(name.toLowerCase()))
      throw invalidField(name, 'that name is taken (names differ by more than case)');
    seen.add(name.toLowerCase());
    const type = FIELD_TYPES.find((known) => known === fields[name]);
    if (type === undefined)
      throw invalidField(name, `its type "${fields[name]}" is not one of ${FIELD_TYPES.join(', ')}`);
    parsed[name] = type;
  }
  return parsed;
}

/**
 * The declared fields' values in one document's metadata; a missing key is `null`.
 *
 * @throws SynclineError `INVALID_METADATA` when a value has another type than declared.
 */
export function fieldValues(fields: FieldTypes, metadata: Metadata): Record<string, FieldValue> {
  const values: Record<string, FieldValue> = {};
  for (const [name, type] of Object.entries(fields)) {
    const value = metadata[name] ?? null;
    if (!isOfType(value, type)) {
      throw new SynclineError(
        'INVALID_METADATA',
        `The metadata value "${name}" must be of the declared type ${type}, not ${JSON.stringify(value)?.slice(0, 80)}.`,
        { details: { field: name, type } },
      );
    }
    values[name] = value;
  }
  return values;
}

function isOfType(value: MetadataValue, type: FieldType): value is FieldValue & MetadataValue {
  if (value === null) return true;
  switch (type) {
    case 'string':
      return typeof value === 'string';
    case 'number':
      return typeof value === 'number';
    case 'integer':
      return typeof value === 'number' && Number.isSafeInteger(value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'string[]':
      return Array.isArray(value) && value.every((item) => typeof item === 'string');
  }
}

function invalidField(name: string, reason: string): SynclineError {
  return new SynclineError('INVALID_FIELD', `The field "${name}" cannot be declared: ${reason}.`, {
    details: { field: name },
  });
}
