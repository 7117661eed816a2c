import process from 'node:process';
import type { Embedder } from '../../embedders/embedder.ts';
import type { SynclineOptions } from '../options.ts';
import type { HttpConfig } from './config.ts';
import { findConfigFile, readConfigFile } from './config-file.ts';
import {
  type ConfigOrigin,
  environmentLayer,
  fileLayer,
  type GivenValue,
  type Layer,
  OWN_EMBEDDER,
} from './layers.ts';
import { findSetting, SETTINGS } from './settings.ts';

type EmbedderOptions = Exclude<SynclineOptions['embedder'], Embedder | undefined>;

/** Where {@link loadConfig} looks. */
export interface LoadConfigOptions {
  /** The configuration file. Default: `SYNCLINE_CONFIG`, else `syncline.config.ts`, `.js` or `.json` in `folder`, if one is there. */
  readonly file?: string;
  /** The working folder. Default `process.cwd()`. */
  readonly folder?: string;
  /** Default `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** What is stronger than file and environment, by the names of the settings (`http.port`), with where it comes from. */
  readonly flags?: ReadonlyMap<string, GivenValue>;
}

/** A setting of the configuration in force. */
export interface ConfigEntry {
  /** `pollIntervalMs`, `http.port`. */
  readonly name: string;
  /** JSON-safe; `null` when it is not set and has no fixed default; secrets are hidden. */
  readonly value: unknown;
  readonly origin: ConfigOrigin;
  /** The file, the variable, the flag; `null` for a default. */
  readonly where: string | null;
}

/** The configuration in force. */
export interface LoadedConfig {
  /** For `createSyncline`. */
  readonly options: SynclineOptions;
  /** How the service answers HTTP. */
  readonly http: HttpConfig;
  /** The configuration file, if there is one. */
  readonly file: string | undefined;
  /** Every setting with where it comes from. */
  readonly entries: readonly ConfigEntry[];
}

/**
 * Reads the configuration from its file, the environment and flags, of which the later ones win.
 *
 * @throws SynclineError `INVALID_OPTION` for names that mean nothing, with the nearest one that does, and for wrong values.
 */
export async function loadConfig(options: LoadConfigOptions = {}): Promise<LoadedConfig> {
  const environment = options.environment ?? process.env;
  const folder = options.folder ?? process.cwd();
  const path = findConfigFile(folder, options.file ?? (environment.SYNCLINE_CONFIG || undefined));
  const file = path === undefined ? new Map() : fileLayer(await readConfigFile(path), path);
  const variables = environmentLayer(environment);
  const flags = options.flags ?? new Map();
  const given: Layer = new Map([...withoutOtherEmbedder(file, variables, flags), ...variables, ...flags]);
  return {
    options: runtimeOptions(given, environment),
    http: Object.fromEntries(groupOf(given, 'http.')),
    file: path,
    entries: entriesOf(given),
  };
}

const CHOOSES_SERVER = ['embedder.model', 'embedder.baseUrl', 'embedder.apiKey'];

/** What a file says about its embedder does not count when a stronger layer chooses another one. */
function withoutOtherEmbedder(file: Layer, ...stronger: readonly Layer[]): Layer {
  const isGiven = (name: string): boolean => stronger.some((layer) => layer.has(name));
  const providers = stronger.map((layer) => layer.get('embedder.provider')?.value);
  const isLocal = providers.includes('local');
  const isServer = providers.includes('openai') || CHOOSES_SERVER.some(isGiven);
  if (!isLocal && !isServer) return file;
  const isLeftOut = (name: string): boolean =>
    name === OWN_EMBEDDER ||
    (name.startsWith('embedder.') && (isLocal || file.get('embedder.provider')?.value === 'local'));
  return new Map([...file].filter(([name]) => !isLeftOut(name)));
}

/** What the choice of the embedder reads from the environment itself, to tell why it was chosen. */
function isReadByEmbedder(name: string, { origin }: GivenValue): boolean {
  return origin === 'environment' && name.startsWith('embedder.') && name !== 'embedder.timeoutMs';
}

function runtimeOptions(
  given: Layer,
  environment: Readonly<Record<string, string | undefined>>,
): SynclineOptions {
  const forOptions = new Map([...given].filter(([name, value]) => !isReadByEmbedder(name, value)));
  const single = [...forOptions].filter(([name]) => !name.includes('.') && name !== OWN_EMBEDDER);
  const embedder = groupOf(forOptions, 'embedder.');
  const maintenance = groupOf(forOptions, 'maintenance.');
  const spend = groupOf(forOptions, 'spend.');
  const ownEmbedder = forOptions.get(OWN_EMBEDDER)?.value as Embedder | undefined;
  return {
    ...(Object.fromEntries(single.map(([name, { value }]) => [name, value])) as SynclineOptions),
    ...(embedder.length > 0 && { embedder: Object.fromEntries(embedder) as EmbedderOptions }),
    ...(ownEmbedder !== undefined && { embedder: ownEmbedder }),
    ...(maintenance.length > 0 && { maintenance: Object.fromEntries(maintenance) }),
    ...(spend.length > 0 && { spend: Object.fromEntries(spend) }),
    environment: withSecretsOfFiles(given, environment),
  };
}

/** The embedder's key may stand in a file that the environment names. */
function withSecretsOfFiles(
  given: Layer,
  environment: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string | undefined>> {
  const key = given.get('embedder.apiKey');
  const variable = findSetting('embedder.apiKey')?.env;
  if (key?.origin !== 'environment' || variable === undefined || key.where === variable) return environment;
  return { ...environment, [variable]: String(key.value) };
}

function groupOf(given: Layer, prefix: string): (readonly [string, unknown])[] {
  return [...given]
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, { value }]) => [name.slice(prefix.length), value] as const);
}

function entriesOf(given: Layer): ConfigEntry[] {
  const settings = SETTINGS.filter(({ setting }) => !setting.library).map(({ name, setting }) => {
    const found = given.get(name);
    const fallback = setting.defaultText === undefined ? setting.default : undefined;
    const value = found === undefined ? fallback : found.value;
    return {
      name,
      value: setting.secret && found !== undefined ? hidden(found.value) : shownValue(value),
      origin: found?.origin ?? ('default' as const),
      where: found?.where ?? null,
    };
  });
  const own = given.get(OWN_EMBEDDER);
  if (own === undefined) return settings;
  const { provider, model } = own.value as Embedder;
  const entry = { name: OWN_EMBEDDER, value: `${provider} ${model}`, origin: own.origin, where: own.where };
  return [...settings.filter(({ name }) => !name.startsWith('embedder.')), entry];
}

/** That there is a secret, and how many, is all that is told. */
function hidden(value: unknown): string | readonly string[] {
  return Array.isArray(value) ? value.map(() => '(hidden)') : '(hidden)';
}

/** Objects that only programs can make are told by their kind. */
function shownValue(value: unknown): unknown {
  if (value === undefined) return null;
  if (typeof value !== 'object') return value;
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
  return Array.isArray(value) ? `${value.length} of its own` : JSON.parse(JSON.stringify(value));
}
