import { HTTP_APP_SETTINGS, HTTP_SERVER_SETTINGS } from './http-settings.ts';
import {
  EMBEDDER_SETTINGS,
  MAINTENANCE_SETTINGS,
  RUNTIME_SETTINGS,
  SPEND_SETTINGS,
} from './runtime-settings.ts';
import type { Setting } from './setting.ts';

/** A setting with the names under which it is given. */
export interface NamedSetting {
  /** As in the configuration file: `pollIntervalMs`, `http.port`. */
  readonly name: string;
  readonly setting: Setting;
  /** The environment variable that gives it. */
  readonly env: string | undefined;
  /** The variable that names a file which holds it; secrets only. */
  readonly fileEnv: string | undefined;
}

/** The whole configuration of library, service and command line, in the order of the docs. */
export const SETTINGS: readonly NamedSetting[] = [
  ...named('', RUNTIME_SETTINGS),
  ...named('embedder.', EMBEDDER_SETTINGS),
  ...named('maintenance.', MAINTENANCE_SETTINGS),
  ...named('spend.', SPEND_SETTINGS),
  ...named('http.', { ...HTTP_SERVER_SETTINGS, ...HTTP_APP_SETTINGS }),
];

const BY_NAME: ReadonlyMap<string, NamedSetting> = new Map(SETTINGS.map((entry) => [entry.name, entry]));

/** The setting of a name, if there is one. */
export function findSetting(name: string): NamedSetting | undefined {
  return BY_NAME.get(name);
}

/** Variables that are no settings: which file is the configuration, and help in finding errors. */
export const OTHER_VARIABLES: readonly string[] = ['SYNCLINE_CONFIG', 'SYNCLINE_DEBUG'];

function named(prefix: string, group: Readonly<Record<string, Setting>>): NamedSetting[] {
  return Object.entries(group).map(([key, setting]) => {
    const name = `${prefix}${key}`;
    const env = setting.library || setting.env === false ? undefined : (setting.env ?? variableOf(name));
    return { name, setting, env, fileEnv: setting.secret && env !== undefined ? `${env}_FILE` : undefined };
  });
}

/** `http.allowedHosts` → `SYNCLINE_HTTP_ALLOWED_HOSTS`. */
function variableOf(name: string): string {
  return `SYNCLINE_${name
    .replaceAll('.', '_')
    .replaceAll(/[A-Z]/g, (letter) => `_${letter}`)
    .toUpperCase()}`;
}
