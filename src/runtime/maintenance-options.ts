import type { MaintenanceSettings } from '../pipeline/maintenance-need.ts';
import { resolveGroup } from './settings/check-settings.ts';
import { MAINTENANCE_SETTINGS } from './settings/runtime-settings.ts';
import type { Setting } from './settings/setting.ts';

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

/** Checks the option `maintenance` and fills in the defaults. @throws SynclineError `INVALID_OPTION`. */
export function resolveMaintenance(options: MaintenanceOptions = {}): ResolvedMaintenance {
  return resolveGroup(
    MAINTENANCE_SETTINGS satisfies Record<keyof MaintenanceOptions, Setting>,
    options,
    'maintenance.',
  );
}
