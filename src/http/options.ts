import { SynclineError } from '../domain/errors.ts';

/** Options of the REST API; every one is optional. */
export interface HttpOptions {
  /** Largest body that is taken at once, in bytes. Default 16,777,216. */
  readonly bodyBytesMax?: number;
  /** Event streams that are open at the same time. Default 2,000. */
  readonly eventStreamsMax?: number;
  /** Longest stream of documents in one request, in bytes; read as it comes. Default 1,073,741,824. */
  readonly streamBytesMax?: number;
}

/** {@link HttpOptions} with every default filled in and every value checked. */
export type ResolvedHttpOptions = Required<HttpOptions>;

const NUMBER_RANGES = {
  bodyBytesMax: [1_024, 1_073_741_824],
  eventStreamsMax: [0, 100_000],
  streamBytesMax: [1_024, 1_099_511_627_776],
} as const satisfies Partial<Record<keyof HttpOptions, readonly [number, number]>>;

const NUMBER_DEFAULTS = {
  bodyBytesMax: 16_777_216,
  eventStreamsMax: 2_000,
  streamBytesMax: 1_073_741_824,
} as const satisfies Record<keyof typeof NUMBER_RANGES, number>;

/** @throws SynclineError `INVALID_OPTION` naming the option, what it was and what it may be. */
export function resolveHttpOptions(options: HttpOptions): ResolvedHttpOptions {
  const known: readonly string[] = Object.keys(NUMBER_RANGES);
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new SynclineError(
      'INVALID_OPTION',
      `There is no option "${unknown}" of the REST API; there are ${known.toSorted().join(', ')}.`,
      { details: { option: unknown } },
    );
  }
  const resolved: Record<keyof typeof NUMBER_RANGES, number> = { ...NUMBER_DEFAULTS };
  for (const name of Object.keys(NUMBER_RANGES) as (keyof typeof NUMBER_RANGES)[]) {
    const value = options[name] ?? NUMBER_DEFAULTS[name];
    const [least, most] = NUMBER_RANGES[name];
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new SynclineError(
        'INVALID_OPTION',
        `The option ${name} of the REST API is ${JSON.stringify(value)}; give a whole number from ${least} to ${most}.`,
        { details: { option: name } },
      );
    }
    resolved[name] = value;
  }
  return resolved;
}
