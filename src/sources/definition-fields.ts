import { SynclineError } from '../domain/errors.ts';
import { nearestName } from '../domain/nearest-name.ts';
import type { EnvironmentReference } from './environment.ts';

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,254}$/;
const TEXT_LENGTH_MAX = 100_000;
const LIST_LENGTH_MAX = 1_000;

/** Reads the fields of a definition that came from outside, and refuses what it was not asked for. */
export interface DefinitionFields {
  text(field: string): string;
  optionalText(field: string): string | undefined;
  /** A whole number from `min` to `max`. */
  optionalInteger(field: string, min: number, max: number): number | undefined;
  optionalBoolean(field: string): boolean | undefined;
  optionalTexts(field: string): readonly string[] | undefined;
  /** One of `words`. */
  optionalWord<Word extends string>(field: string, words: readonly Word[]): Word | undefined;
  optionalReference(field: string): EnvironmentReference | undefined;
  /** Text, or a reference to the environment. */
  textOrReference(field: string): string | EnvironmentReference;
  /** The field as it stands; `undefined` when it is missing. */
  value(field: string): unknown;
  /** Objects in a list, with what names each in errors. */
  objects(field: string): readonly DefinitionFields[];
  /** Raises `INVALID_SOURCE` about a field that has to be there, with the one that was probably meant to be it. */
  missing(field: string): never;
  /** Raises `INVALID_SOURCE` about a field. */
  fail(field: string, reason: string): never;
  /** Refuses fields that nobody has read. */
  end(): void;
}

/**
 * The fields of a source's definition.
 *
 * @param where What is read, for messages: `The source "shop"`.
 * @throws SynclineError `INVALID_SOURCE` when `value` is no object; so do the readers for what does not fit.
 */
export function definitionFields(where: string, value: unknown): DefinitionFields {
  if (!isRecord(value)) throw invalidSource(where, 'must be an object', '');
  const read = new Set<string>();

  function fail(field: string, reason: string): never {
    throw invalidSource(where, `has a field "${field}" that ${reason}`, field);
  }
  function take(field: string): unknown {
    read.add(field);
    // A definition may be JSON, in which what is not given may be null.
    return Object.hasOwn(value as object, field)
      ? ((value as Record<string, unknown>)[field] ?? undefined)
      : undefined;
  }
  function optionalText(field: string): string | undefined {
    const given = take(field);
    if (given === undefined) return undefined;
    if (typeof given !== 'string' || given === '' || given.length > TEXT_LENGTH_MAX || given.includes('\0'))
      fail(field, 'must be text that is not empty');
    return given;
  }
  function optionalReference(field: string): EnvironmentReference | undefined {
    const given = take(field);
    if (given === undefined) return undefined;
    const names = isRecord(given) ? Object.keys(given) : [];
    if (
      !isRecord(given) ||
      names.length !== 1 ||
      typeof given.env !== 'string' ||
      !VARIABLE.test(given.env)
    ) {
      fail(field, 'must name an environment variable: { "env": "NAME" }');
    }
    return { env: given.env };
  }
  function missing(field: string): never {
    fail(field, whyMissing(field, Object.keys(value as object), read));
  }
  const required = <Value>(field: string, given: Value | undefined): Value => given ?? missing(field);

  return {
    optionalText,
    text: (field) => required(field, optionalText(field)),
    optionalInteger(field, min, max) {
      const given = take(field);
      if (given === undefined) return undefined;
      if (typeof given !== 'number' || !Number.isSafeInteger(given) || given < min || given > max)
        fail(field, `must be a whole number from ${min} to ${max}`);
      return given;
    },
    optionalBoolean(field) {
      const given = take(field);
      if (given !== undefined && typeof given !== 'boolean') fail(field, 'must be true or false');
      return given;
    },
    optionalTexts(field) {
      const given = take(field);
      if (given === undefined) return undefined;
      const isList = Array.isArray(given) && given.length <= LIST_LENGTH_MAX;
      if (!isList || !given.every((item) => typeof item === 'string' && item !== '' && !item.includes('\0')))
        fail(field, 'must be a list of texts');
      return given;
    },
    optionalWord(field, words) {
      const given = take(field);
      if (given === undefined) return undefined;
      return words.find((word) => word === given) ?? fail(field, `must be ${words.join(' or ')}`);
    },
    optionalReference,
    textOrReference(field) {
      return isRecord(take(field))
        ? required(field, optionalReference(field))
        : required(field, optionalText(field));
    },
    value: take,
    objects(field) {
      const given = take(field) ?? missing(field);
      if (!Array.isArray(given) || given.length === 0 || given.length > LIST_LENGTH_MAX)
        fail(field, 'must be a list of objects that is not empty');
      return given.map((item, index) => definitionFields(`${where}, ${field}[${index}],`, item));
    },
    missing,
    fail,
    end() {
      const unknown = Object.keys(value).find((field) => !read.has(field));
      if (unknown === undefined) return;
      throw invalidSource(
        where,
        `has the unknown field "${unknown.slice(0, 80)}"; there are ${[...read].join(', ')}`,
        unknown,
      );
    },
  };
}

/** With the field that was probably meant, or those that there are: a mistyped one is one that nobody asks for. */
function whyMissing(field: string, given: readonly string[], read: ReadonlySet<string>): string {
  const names = given.map((name) => name.slice(0, 80));
  const meant = nearestName(
    field,
    names.filter((name) => !read.has(name)),
  );
  return meant === undefined
    ? `is missing; there are ${names.slice(0, 20).join(', ') || 'none at all'}`
    : `is missing; "${meant}" may have been meant for it`;
}

/** Whether a name may be a source's. */
export function isSourceName(name: unknown): name is string {
  return typeof name === 'string' && NAME.test(name);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalidSource(where: string, reason: string, field: string): SynclineError {
  return new SynclineError('INVALID_SOURCE', `${where} ${reason}.`, {
    details: { field: field.slice(0, 80) },
  });
}
