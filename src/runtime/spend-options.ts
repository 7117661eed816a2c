import { resolveGroup } from './settings/check-settings.ts';
import { SPEND_SETTINGS } from './settings/runtime-settings.ts';
import type { Setting } from './settings/setting.ts';

/** What embedding documents may cost, in US dollars; see docs/costs.md. */
export interface SpendOptions {
  /** Of one day (UTC), all datasets together, what was searched for included. Default: no cap. */
  readonly usdPerDayMax?: number | undefined;
  /** Of one run of a dataset: from the first request until nothing waits any more. Default: no cap. */
  readonly usdPerRunMax?: number | undefined;
}

/** {@link SpendOptions} with nothing left open. */
export interface SpendCaps {
  readonly usdPerDayMax: number | undefined;
  readonly usdPerRunMax: number | undefined;
}

/** Checks the option `spend`. @throws SynclineError `INVALID_OPTION`. */
export function resolveSpend(options: SpendOptions = {}): SpendCaps {
  return resolveGroup(SPEND_SETTINGS satisfies Record<keyof SpendOptions, Setting>, options, 'spend.');
}
