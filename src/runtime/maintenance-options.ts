import { SynclineError } from '../domain/errors.ts';
import { DEFAULT_MAINTENANCE, type MaintenanceSettings } from '../pipeline/maintenance-need.ts';
import { VECTOR_INDEX_BYTES_MIN } from '../vectors/vector-store.ts';

/** When tables are maintained; see docs/operations.md. Every one is optional. */
export interface MaintenanceOptions extends Partial<MaintenanceSettings> {
  /**
   * Size of a table's vectors, in bytes, from which on it gets a vector index. Default 31,457,280: 20,480 rows of 384
   * dimensions, 5,120 of 1,536.
   */
  readonly vectorIndexBytesMin?: number;
}

/** {@link MaintenanceOptions} with nothing left open. */
export type ResolvedMaintenance = Required<MaintenanceOptions>;

const RANGES = {
  smallFragmentsMax: [2, 10_000],
  unindexedRowsMax: [0, 100_000_000],
  versionsKeptMs: [0, 86_400_000],
  vectorIndexBytesMin: [0, Number.MAX_SAFE_INTEGER],
} as const satisfies Record<keyof MaintenanceOptions, readonly [number, number]>;

const DEFAULTS: ResolvedMaintenance = {
  ...DEFAULT_MAINTENANCE,
  vectorIndexBytesMin: VECTOR_INDEX_BYTES_MIN,
};

/** Checks the option `maintenance` and fills in the defaults. @throws SynclineError `INVALID_OPTION`. */
export function resolveMaintenance(options: MaintenanceOptions = {}): ResolvedMaintenance {
  const given: unknown = options;
  if (typeof given !== 'object' || given === null) throw invalid('maintenance', given, 'an object');
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(RANGES, name))
      throw invalid(`maintenance.${name}`, undefined, `one of ${Object.keys(RANGES).join(', ')}`);
  }
  const resolved = { ...DEFAULTS };
  for (const name of Object.keys(RANGES) as (keyof MaintenanceOptions)[]) {
    const value = options[name] ?? DEFAULTS[name];
    const [least, most] = RANGES[name];
    if (!Number.isInteger(value) || value < least || value > most)
      throw invalid(`maintenance.${name}`, value, `a whole number from ${least} to ${most}`);
    resolved[name] = value;
  }
  return resolved;
}

function invalid(option: string, value: unknown, allowed: string): SynclineError {
  const found = value === undefined ? 'not known' : JSON.stringify(value);
  return new SynclineError('INVALID_OPTION', `The option ${option} is ${found}; give ${allowed}.`, {
    details: { option },
  });
}
