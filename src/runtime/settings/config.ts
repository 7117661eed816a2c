import type { SynclineOptions } from '../options.ts';
import type { ResolvedGroup } from './check-settings.ts';
import type { HTTP_APP_SETTINGS, HTTP_SERVER_SETTINGS } from './http-settings.ts';

/** How `syncline serve` answers HTTP; the option `http` of {@link SynclineConfig}. docs/configuration.md has every one. */
export type HttpConfig = Partial<
  ResolvedGroup<typeof HTTP_APP_SETTINGS> & ResolvedGroup<typeof HTTP_SERVER_SETTINGS>
>;

/** What `syncline.config.ts` holds: the options of the library, and how the service answers HTTP. */
export interface SynclineConfig extends Omit<SynclineOptions, 'access' | 'environment'> {
  readonly http?: HttpConfig;
}

/**
 * Gives back what it is given: the way to write a configuration file with types and completion.
 *
 * `export default defineConfig({ dataDir: 'data', http: { port: 8080 } });`
 */
export function defineConfig(config: SynclineConfig): SynclineConfig {
  return config;
}
