import { SynclineError } from '../../domain/errors.ts';
import { nearestName } from '../../domain/nearest-name.ts';
import type { Setting } from './setting.ts';

/** Settings that belong together, by their names. */
export type SettingGroup = Readonly<Record<string, Setting>>;

/** The values of a group: what is given, else the default. */
export type ResolvedGroup<Group extends SettingGroup> = {
  readonly [Name in keyof Group]: Group[Name]['default'];
};

/**
 * Checks the values that are given for a group and fills in the defaults.
 *
 * @param prefix - What stands before the names in messages: `maintenance.`, or nothing.
 * @throws SynclineError `INVALID_OPTION` naming the option, what it was and what it may be; for a name that is not known, the nearest.
 */
export function resolveGroup<Group extends SettingGroup>(
  group: Group,
  given: object,
  prefix = '',
): ResolvedGroup<Group> {
  // Callers without types misspell, too; a misspelt option would silently be its default.
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(group, name));
  if (unknown !== undefined) throw unknownName(`${prefix}${unknown}`, namesOf(group, prefix));
  const values: Record<string, unknown> = given as Record<string, unknown>;
  const resolved = Object.entries(group).map(([name, setting]) => {
    const value = values[name];
    if (value !== undefined) checkValue(setting, value, `The option ${prefix}${name}`, `${prefix}${name}`);
    return [name, value ?? setting.default];
  });
  return Object.fromEntries(resolved) as ResolvedGroup<Group>;
}

function namesOf(group: SettingGroup, prefix: string): string[] {
  return Object.keys(group).map((name) => `${prefix}${name}`);
}

/**
 * @param where - How the place is named that the value comes from: `The option pollIntervalMs`.
 * @throws SynclineError `INVALID_OPTION`. A secret is not in the message.
 */
export function checkValue(setting: Setting, value: unknown, where: string, option: string): void {
  if (setting.accepts(value)) return;
  const found = setting.secret ? 'not what it may be' : shown(value);
  throw new SynclineError('INVALID_OPTION', `${where} is ${found}; give ${setting.allowed}.`, {
    details: { option },
  });
}

const SHOWN_LENGTH_MAX = 80;

function shown(value: unknown): string {
  const json = typeof value === 'bigint' ? `${value}` : JSON.stringify(value);
  return (json ?? typeof value).slice(0, SHOWN_LENGTH_MAX);
}

/** A name that is not known, with the one that was probably meant, else with all. */
export function unknownName(name: string, known: readonly string[], where = 'option'): SynclineError {
  const nearest = nearestName(name, known);
  const hint =
    nearest === undefined ? `there are ${known.toSorted().join(', ')}.` : `did you mean "${nearest}"?`;
  return new SynclineError('INVALID_OPTION', `There is no ${where} "${name}"; ${hint}`, {
    details: { option: name },
  });
}
