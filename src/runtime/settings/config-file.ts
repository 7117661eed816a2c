import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SynclineError } from '../../domain/errors.ts';

/** Names of the file, as they are looked for in the working folder. */
export const CONFIG_FILE_NAMES = [
  'syncline.config.ts',
  'syncline.config.js',
  'syncline.config.json',
] as const;

/**
 * The configuration file to use: the one that is named, else the one in the folder, if there is any.
 *
 * @throws SynclineError `INVALID_OPTION` when the file that is named is not there, or when there are several.
 */
export function findConfigFile(folder: string, named: string | undefined): string | undefined {
  if (named !== undefined) {
    const path = resolve(folder, named);
    if (existsSync(path)) return path;
    throw invalidFile(path, 'is not there');
  }
  const found = CONFIG_FILE_NAMES.filter((name) => existsSync(join(folder, name)));
  if (found.length > 1) {
    const message = `There are several configuration files, ${found.join(' and ')}; keep one, or name one with --config.`;
    throw new SynclineError('INVALID_OPTION', message, { details: { option: 'config' } });
  }
  return found[0] === undefined ? undefined : join(folder, found[0]);
}

/**
 * What a configuration file holds: the JSON, or what the module exports as its default.
 *
 * @throws SynclineError `INVALID_OPTION` naming the file and the reason.
 */
export async function readConfigFile(path: string): Promise<object> {
  let config: unknown;
  try {
    config = path.endsWith('.json')
      ? JSON.parse(await readFile(path, 'utf8'))
      : ((await import(pathToFileURL(path).href)) as { default?: unknown }).default;
  } catch (error) {
    throw invalidFile(
      path,
      `cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  }
  if (typeof config === 'object' && config !== null && !Array.isArray(config)) return config;
  throw invalidFile(path, 'has no configuration; export an object as its default, best with defineConfig()');
}

function invalidFile(path: string, reason: string, cause?: unknown): SynclineError {
  return new SynclineError('INVALID_OPTION', `The configuration file ${path} ${reason}.`, {
    cause,
    details: { option: 'config', path },
  });
}
