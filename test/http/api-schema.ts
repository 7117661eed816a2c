/*
 * As much of OpenAPI 3.1 and JSON Schema as the API's own description uses: whether a value is as a schema says, and random
 * values that are, or nearly are. A keyword that is not known here is an error, so that no check is passed over in silence.
 */

export interface Schema {
  readonly [keyword: string]: unknown;
}

export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly parameters: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly schema: Schema;
  }[];
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: Schema }>>;
  };
  readonly responses: Readonly<
    Record<
      string,
      {
        readonly content?: Readonly<
          Record<
            string,
            { readonly schema: Schema; readonly examples?: Readonly<Record<string, { value: unknown }>> }
          >
        >;
      }
    >
  >;
}

export interface ApiDescription {
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<
    Record<string, Readonly<Record<string, Omit<Operation, 'method' | 'path' | 'parameters'>>>>
  >;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

export function operationsOf(api: ApiDescription): Operation[] {
  return Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      parameters: [],
      ...operation,
      method: method.toUpperCase(),
      path,
    })),
  );
}

const ANNOTATIONS = ['description', 'example', 'examples', 'default', 'format'];
const KNOWN = [
  ...[
    '$ref',
    'type',
    'enum',
    'const',
    'properties',
    'required',
    'additionalProperties',
    'items',
    'propertyNames',
  ],
  ...[
    'oneOf',
    'anyOf',
    'allOf',
    'minimum',
    'maximum',
    'exclusiveMinimum',
    'minLength',
    'maxLength',
    'pattern',
  ],
  ...['minItems', 'maxItems'],
  ...ANNOTATIONS,
];

export function resolve(api: ApiDescription, schema: Schema): Schema {
  const { $ref } = schema;
  if (typeof $ref !== 'string') return schema;
  const found = api.components.schemas[$ref.replace('#/components/schemas/', '')];
  if (found === undefined) throw new Error(`The description has no schema ${$ref}`);
  return found;
}

/** What is wrong with a value; empty when it is as the schema says. */
export function faultsOf(api: ApiDescription, unresolved: Schema, value: unknown, at = '$'): string[] {
  const schema = resolve(api, unresolved);
  const unknown = Object.keys(schema).find((keyword) => !KNOWN.includes(keyword));
  if (unknown !== undefined) throw new Error(`${at}: the keyword ${unknown} is not known here`);
  const sub = (part: unknown, inner: unknown, where: string): string[] =>
    faultsOf(api, part as Schema, inner, where);
  const faults: string[] = [];
  const { oneOf, anyOf, allOf } = schema as Record<string, Schema[] | undefined>;
  const choices = oneOf ?? anyOf;
  if (choices?.every((choice) => sub(choice, value, at).length > 0))
    faults.push(`${at}: is none of its choices`);
  for (const part of allOf ?? []) faults.push(...sub(part, value, at));
  const types = schema.type === undefined ? undefined : ([schema.type].flat() as string[]);
  if (types !== undefined && !types.some((type) => isOfType(value, type))) {
    return [...faults, `${at}: is ${JSON.stringify(value)?.slice(0, 60)}, not ${types.join(' or ')}`];
  }
  if (Array.isArray(schema.enum) && !schema.enum.includes(value))
    faults.push(`${at}: ${value} is not listed`);
  if (typeof value === 'string') faults.push(...textFaults(schema, value, at));
  if (typeof value === 'number' && Number(schema.minimum ?? value) > value)
    faults.push(`${at}: ${value} is too small`);
  if (typeof value === 'number' && Number(schema.maximum ?? value) < value)
    faults.push(`${at}: ${value} is too large`);
  if (Array.isArray(value) && schema.items !== undefined) {
    faults.push(...value.flatMap((item, index) => sub(schema.items, item, `${at}[${index}]`)));
  }
  if (isObject(value)) {
    const properties = (schema.properties ?? {}) as Record<string, Schema>;
    for (const name of (schema.required ?? []) as string[])
      if (!(name in value)) faults.push(`${at}: has no ${name}`);
    for (const [name, part] of Object.entries(value)) {
      if (properties[name] !== undefined) faults.push(...sub(properties[name], part, `${at}.${name}`));
      else if (isObject(schema.additionalProperties))
        faults.push(...sub(schema.additionalProperties, part, `${at}.${name}`));
      // Answers say no more than is described.
      else if (schema.properties !== undefined && schema.additionalProperties !== true)
        faults.push(`${at}: has ${name}`);
    }
  }
  return faults;
}

function textFaults(schema: Schema, value: string, at: string): string[] {
  const isShort = value.length < Number(schema.minLength ?? 0);
  const isLong = value.length > Number(schema.maxLength ?? value.length);
  const isOther = typeof schema.pattern === 'string' && !new RegExp(schema.pattern).test(value);
  return isShort || isLong || isOther
    ? [`${at}: ${JSON.stringify(value.slice(0, 60))} is not as described`]
    : [];
}

function isOfType(value: unknown, type: string): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return isObject(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export type Random = () => number;

export function pick<Item>(random: Random, items: readonly Item[]): Item {
  return items[Math.floor(random() * items.length)] as Item;
}

const TEXTS = [
  '',
  'a',
  'words of a page',
  '0',
  '-1',
  'null',
  '../..',
  '%2e%2e',
  '\u0000',
  '😀',
  '\ud800',
  "'; drop table",
  'x'.repeat(2_000),
];

/** A text that somebody might send. */
export function anyText(random: Random): string {
  return pick(random, TEXTS);
}

/** Anything that JSON can hold, now and then deep or large. */
export function anything(random: Random, depth = 0): unknown {
  const kind = Math.floor(random() * (depth > 3 ? 6 : 9));
  if (kind === 0) return null;
  if (kind === 1) return random() < 0.5;
  if (kind === 2) return pick(random, [0, -1, 1.5, 1e21, 2 ** 53, -(2 ** 31)]);
  if (kind < 6) return anyText(random);
  if (kind === 6) return Array.from({ length: Math.floor(random() * 4) }, () => anything(random, depth + 1));
  if (kind === 7 && random() < 0.1) return JSON.parse(`${'['.repeat(3_000)}${']'.repeat(3_000)}`);
  const names = Array.from({ length: Math.floor(random() * 4) }, () => anyText(random));
  return Object.fromEntries(names.map((name) => [name, anything(random, depth + 1)]));
}

/** A value that is as a schema says, as far as one part of it does not demand more than the schema can. */
export function makeValue(api: ApiDescription, unresolved: Schema, random: Random, depth = 0): unknown {
  const schema = resolve(api, unresolved);
  const { oneOf, anyOf, allOf } = schema as Record<string, Schema[] | undefined>;
  const choices = oneOf ?? anyOf ?? allOf;
  if (choices !== undefined) {
    // Filters hold filters: below some depth, only what ends.
    const ending = depth > 4 ? choices.slice(0, 1) : choices;
    return makeValue(api, pick(random, ending), random, depth + 1);
  }
  if (Array.isArray(schema.enum)) return pick(random, schema.enum);
  const type = pick(random, [schema.type ?? 'null'].flat() as string[]);
  if (type === 'null') return null;
  if (type === 'boolean') return random() < 0.5;
  if (type === 'integer' || type === 'number') {
    const least = Number(schema.minimum ?? 0);
    const most = Math.min(Number(schema.maximum ?? least + 100), least + 1_000);
    return Math.floor(least + random() * (most - least + 1));
  }
  if (type === 'string') return textOf(schema, random);
  if (type === 'array') {
    const count = Math.max(Number(schema.minItems ?? 0), Math.floor(random() * 3));
    return Array.from({ length: count }, () =>
      makeValue(api, (schema.items ?? {}) as Schema, random, depth + 1),
    );
  }
  const required = (schema.required ?? []) as string[];
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Schema>);
  const chosen = properties.filter(([name]) => required.includes(name) || random() < 0.4);
  return Object.fromEntries(chosen.map(([name, part]) => [name, makeValue(api, part, random, depth + 1)]));
}

function textOf(schema: Schema, random: Random): string {
  if (typeof schema.pattern === 'string' && new RegExp(schema.pattern).test('7'))
    return String(Math.floor(random() * 100));
  const text = pick(random, ['words', 'a', 'b', 'c', 'word of one', '# Head\n\nText']);
  return text.slice(0, Number(schema.maxLength ?? text.length));
}
