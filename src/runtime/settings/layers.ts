import { readFileSync } from 'node:fs';
import { SynclineError } from '../../domain/errors.ts';
import { checkValue, unknownName } from './check-settings.ts';
import { findSetting, type NamedSetting, OTHER_VARIABLES, SETTINGS } from './settings.ts';

/** Where a value comes from, from the weakest to the strongest. */
export type ConfigOrigin = 'default' | 'file' | 'environment' | 'flag';

/** A value that somebody gave. */
export interface GivenValue {
  readonly value: unknown;
  readonly origin: Exclude<ConfigOrigin, 'default'>;
  /** The file, the variable, the flag. */
  readonly where: string;
}

/** Values by the names of their settings. */
export type Layer = ReadonlyMap<string, GivenValue>;

/** An embedder that a configuration file made itself; it stands for all settings of `embedder`. */
export const OWN_EMBEDDER = 'embedder';

const GROUPS: ReadonlySet<string> = new Set(
  SETTINGS.flatMap(({ name }) => (name.includes('.') ? [name.slice(0, name.indexOf('.'))] : [])),
);

/** @throws SynclineError `INVALID_OPTION`. */
export function fileLayer(config: object, path: string): Layer {
  const layer = new Map<string, GivenValue>();
  for (const [name, value] of flatten(config)) {
    if (value === undefined) continue;
    if (name !== OWN_EMBEDDER) checkName(name, path);
    const setting = findSetting(name)?.setting;
    if (setting !== undefined) checkValue(setting, value, `${name} in ${path}`, name);
    layer.set(name, { value, origin: 'file', where: path });
  }
  return layer;
}

/** `{ http: { port: 1 } }` → `http.port`: 1. */
function flatten(config: object): (readonly [string, unknown])[] {
  return Object.entries(config).flatMap(([name, value]) => {
    const isGroup = GROUPS.has(name) && typeof value === 'object' && value !== null && !('embed' in value);
    return isGroup
      ? Object.entries(value as object).map(([key, inner]) => [`${name}.${key}`, inner] as const)
      : [[name, value] as const];
  });
}

function checkName(name: string, path: string): void {
  const known = SETTINGS.filter(({ setting }) => !setting.library).map((entry) => entry.name);
  if (known.includes(name)) return;
  if (findSetting(name) !== undefined) {
    const message = `The option ${name} is for programs; it cannot stand in a configuration file (${path}).`;
    throw new SynclineError('INVALID_OPTION', message, { details: { option: name } });
  }
  if (GROUPS.has(name)) {
    const message = `The option ${name} in ${path} is no object; give its settings, such as { … }.`;
    throw new SynclineError('INVALID_OPTION', message, { details: { option: name } });
  }
  throw unknownName(name, known, `option in ${path} called`);
}

/**
 * What the environment says. Empty variables count as not set.
 *
 * @throws SynclineError `INVALID_OPTION`, also for a variable that begins with `SYNCLINE_` and means nothing.
 */
export function environmentLayer(environment: Readonly<Record<string, string | undefined>>): Layer {
  checkVariables(Object.keys(environment));
  const layer = new Map<string, GivenValue>();
  for (const entry of SETTINGS) {
    const given = readVariable(entry, environment);
    if (given === undefined) continue;
    const value = entry.setting.parse(given.text);
    checkValue(entry.setting, value, given.where, entry.name);
    layer.set(entry.name, { value, origin: 'environment', where: given.where });
  }
  return layer;
}

function readVariable(
  { env, fileEnv }: NamedSetting,
  environment: Readonly<Record<string, string | undefined>>,
): { readonly text: string; readonly where: string } | undefined {
  const text = env === undefined ? undefined : environment[env]?.trim() || undefined;
  const path = fileEnv === undefined ? undefined : environment[fileEnv]?.trim() || undefined;
  if (text !== undefined && path !== undefined) {
    const message = `${env} and ${fileEnv} are both set; set one of them.`;
    throw new SynclineError('INVALID_OPTION', message, { details: { option: fileEnv } });
  }
  if (path !== undefined && fileEnv !== undefined) return { text: readSecret(path, fileEnv), where: fileEnv };
  return text === undefined || env === undefined ? undefined : { text, where: env };
}

/** A file with secrets: one a line, without comments (`#`) and empty lines. */
function readSecret(path: string, variable: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    const message = `${variable} names the file ${path}, which cannot be read (${code}).`;
    throw new SynclineError('INVALID_OPTION', message, { cause: error, details: { option: variable } });
  }
  const lines = text.split('\n').map((line) => line.trim());
  return lines.filter((line) => line !== '' && !line.startsWith('#')).join(',');
}

/** What Kubernetes sets in every container for a service that is called "syncline". */
const OF_KUBERNETES = /^SYNCLINE_(?:SERVICE_(?:HOST|PORT)|PORT)(?:_|$)/;
/** Of the tests of this project. */
const OF_TESTS = /^SYNCLINE_TEST_/;

function checkVariables(names: readonly string[]): void {
  const known = [
    ...SETTINGS.flatMap(({ env, fileEnv }) => [env, fileEnv]).filter((name) => name !== undefined),
    ...OTHER_VARIABLES,
  ];
  const unknown = names.find(
    (name) =>
      name.startsWith('SYNCLINE_') &&
      !known.includes(name) &&
      !OF_KUBERNETES.test(name) &&
      !OF_TESTS.test(name),
  );
  if (unknown !== undefined) throw unknownName(unknown, known, 'environment variable');
}

/**
 * `NAME=VALUE` of the flag `--set`.
 *
 * @throws SynclineError `INVALID_OPTION`.
 */
export function readSetFlag(text: string): readonly [name: string, given: GivenValue] {
  const [, name = text.trim(), value = ''] = /^\s*([\w.]+)\s*=(.*)$/s.exec(text) ?? [];
  const settable = SETTINGS.filter(({ env, setting }) => env !== undefined && !setting.secret);
  const entry = settable.find((candidate) => candidate.name === name);
  if (entry === undefined) {
    const secret = SETTINGS.find((candidate) => candidate.name === name && candidate.setting.secret);
    if (secret === undefined)
      throw unknownName(
        name,
        settable.map((known) => known.name),
        'setting',
      );
    const message = `${name} is a secret, and a command line is seen by every user of the machine; use ${secret.env} or ${secret.fileEnv}.`;
    throw new SynclineError('INVALID_OPTION', message, { details: { option: name } });
  }
  const parsed = entry.setting.parse(value.trim());
  checkValue(entry.setting, parsed, `--set ${name}`, name);
  return [name, { value: parsed, origin: 'flag', where: '--set' }];
}
