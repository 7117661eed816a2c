/** Values that a setting may have. */
export type SettingValue = string | number | boolean | readonly string[];

/**
 * One setting: its default, what it may be, where it may be given, and what it means. Names, environment variables, flags,
 * checks and the tables in docs/configuration.md all come from here.
 */
export interface Setting<Value = unknown> {
  /** What it is when nobody says anything; `undefined` when that depends, see `defaultText`. */
  readonly default: Value | undefined;
  /** The default in words, where it is no value. */
  readonly defaultText?: string;
  /** One sentence for docs and help; without the range. */
  readonly meaning: string;
  /** What it may be, as in "give a whole number from 1 to 10". */
  readonly allowed: string;
  readonly accepts: (value: unknown) => boolean;
  /** Reads the text of an environment variable or a flag; whatever is not a value is given back as it is, and refused. */
  readonly parse: (text: string) => unknown;
  /** Smallest and largest value of a number. */
  readonly range?: readonly [least: number, most: number];
  /** The environment variable; `false` where there is none. Default: `SYNCLINE_` and the name in capitals. */
  readonly env?: string | false;
  /** The flag on the command line, with its placeholder. Default: `--set NAME=VALUE`. */
  readonly flag?: string;
  /** Never printed, and given by environment or file alone: a command line is seen by every user of the machine. */
  readonly secret?: boolean;
  /** Given by programs alone, not in the configuration of the service. */
  readonly library?: boolean;
}

/** What is said about a setting besides its kind. */
type About<Value> = Pick<Setting<Value>, 'meaning'> &
  Partial<Pick<Setting<Value>, 'default' | 'defaultText' | 'env' | 'flag' | 'secret' | 'library'>>;

const asIs = (text: string): string => text;

/** A whole number within a range. */
export function wholeNumber(
  least: number,
  most: number,
  about: About<number> & { readonly default: number },
): Setting<number> & { readonly default: number };
export function wholeNumber(least: number, most: number, about: About<number>): Setting<number>;
export function wholeNumber(least: number, most: number, about: About<number>): Setting<number> {
  return {
    allowed: `a whole number from ${least} to ${most}`,
    accepts: (value) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
    parse: (text) => (/^\d{1,16}$/.test(text) ? Number(text) : text),
    range: [least, most],
    default: undefined,
    ...about,
  };
}

/** A number from 0 to 1. */
export function share(about: About<number> & { readonly default: number }): Setting<number> & {
  readonly default: number;
} {
  return {
    allowed: 'a number from 0 to 1',
    accepts: (value) => typeof value === 'number' && value >= 0 && value <= 1,
    parse: (text) => (/^\d*\.?\d+$/.test(text) ? Number(text) : text),
    range: [0, 1],
    ...about,
  };
}

/** An amount of money; 0 is nothing at all. */
export function amount(about: About<number>): Setting<number> {
  return {
    allowed: 'an amount of money from 0 on',
    accepts: (value) => typeof value === 'number' && value >= 0 && Number.isFinite(value),
    parse: (text) => (/^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : text),
    default: undefined,
    ...about,
  };
}

/** `true` or `false`. */
export function flag(about: About<boolean> & { readonly default: boolean }): Setting<boolean> & {
  readonly default: boolean;
};
export function flag(about: About<boolean>): Setting<boolean>;
export function flag(about: About<boolean>): Setting<boolean> {
  return {
    allowed: 'true or false',
    accepts: (value) => typeof value === 'boolean',
    parse: (text) => (text === 'true' || text === 'false' ? text === 'true' : text),
    default: undefined,
    ...about,
  };
}

/** A text that is not empty. */
export function text(about: About<string> & { readonly default: string }): Setting<string> & {
  readonly default: string;
};
export function text(about: About<string>): Setting<string>;
export function text(about: About<string>): Setting<string> {
  return {
    allowed: 'a text that is not empty',
    accepts: (value) => typeof value === 'string' && value !== '',
    parse: asIs,
    default: undefined,
    ...about,
  };
}

/** One of a few words. */
export function choice<const Value extends string>(
  values: readonly Value[],
  about: About<Value> & { readonly default: Value },
): Setting<Value> & { readonly default: Value };
export function choice<const Value extends string>(
  values: readonly Value[],
  about: About<Value>,
): Setting<Value>;
export function choice<const Value extends string>(
  values: readonly Value[],
  about: About<Value>,
): Setting<Value> {
  return {
    allowed: `one of ${values.join(', ')}`,
    accepts: (value) => values.some((known) => known === value),
    parse: asIs,
    default: undefined,
    ...about,
  };
}

/** Several texts; in the environment and on the command line with commas between them. */
export function list(about: About<readonly string[]>): Setting<readonly string[]> & {
  readonly default: readonly string[];
} {
  return {
    allowed: 'a list of texts that are not empty',
    accepts: (value) =>
      Array.isArray(value) && value.every((item) => typeof item === 'string' && item.trim() !== ''),
    parse: (value) =>
      value
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    ...about,
    default: about.default ?? [],
  };
}

/** A value that only a program can make, or a configuration file that is one. Checked by whoever uses it. */
export function object(allowed: string, about: About<never>): Setting<object> {
  return {
    allowed,
    accepts: (value) => typeof value === 'object' && value !== null,
    parse: asIs,
    env: false,
    ...about,
    default: undefined,
  };
}
