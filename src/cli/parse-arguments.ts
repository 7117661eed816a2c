import { InvalidArgumentError } from 'commander';
import type { FieldType } from '../domain/fields.ts';
import type { Filter } from '../domain/filter.ts';

const SECONDS_MIN = 0.2;
const SECONDS_MAX = 3_600;

/** A whole number from 1. */
export function parseCount(value: string): number {
  if (/^[1-9]\d{0,8}$/.test(value)) return Number(value);
  throw new InvalidArgumentError('Give a whole number from 1.');
}

/** Gathers whole numbers of an option that may be given several times. */
export function collectCount(value: string, before: readonly number[] = []): readonly number[] {
  return [...before, parseCount(value)];
}

/** An amount of US dollars. */
export function parseUsd(value: string): number {
  if (/^\d{1,9}(\.\d{1,9})?$/.test(value)) return Number(value);
  throw new InvalidArgumentError('Give an amount such as 2.50.');
}

/** Seconds of `--watch`. */
export function parseSeconds(value: string): number {
  const seconds = Number(value);
  if (value.trim() !== '' && seconds >= SECONDS_MIN && seconds <= SECONDS_MAX) return seconds;
  throw new InvalidArgumentError(
    `Give seconds from ${SECONDS_MIN} to ${SECONDS_MAX}; the dataset stands before --watch.`,
  );
}

/** A filter as JSON; whether its fields exist is for the search to say. */
export function parseFilterJson(value: string): Filter {
  try {
    return JSON.parse(value) as Filter;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new InvalidArgumentError(
      `It is not valid JSON (${reason}). Example: '{"op":"eq","field":"source","value":"default"}'.`,
    );
  }
}

/** Gathers a text that may be given several times. */
export function collectText(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Gathers `--field name:type`; whether name and type are allowed is for the dataset to say. */
export function collectField(
  value: string,
  before: Readonly<Record<string, FieldType>> = {},
): Record<string, FieldType> {
  const [name = '', type = '', ...rest] = value.split(':');
  if (name === '' || type === '' || rest.length > 0) {
    throw new InvalidArgumentError('Give name:type, such as price:number.');
  }
  if (Object.hasOwn(before, name)) throw new InvalidArgumentError(`The field "${name}" is given twice.`);
  return { ...before, [name]: type as FieldType };
}
