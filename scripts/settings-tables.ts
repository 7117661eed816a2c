/*
 * Writes the tables of settings into the documentation, from the one table in the source. test/docs checks that they are
 * up to date.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { HTTP_APP_SETTINGS, HTTP_SERVER_SETTINGS } from '../src/runtime/settings/http-settings.ts';
import {
  EMBEDDER_SETTINGS,
  MAINTENANCE_SETTINGS,
  RUNTIME_SETTINGS,
  SPEND_SETTINGS,
} from '../src/runtime/settings/runtime-settings.ts';
import type { Setting } from '../src/runtime/settings/setting.ts';
import { findSetting } from '../src/runtime/settings/settings.ts';

/** Pages with tables between `<!-- settings NAME -->` and `<!-- end -->`. */
export const SETTINGS_PAGES = ['docs/configuration.md'] as const;

const GROUPS: Readonly<Record<string, readonly [prefix: string, Readonly<Record<string, Setting>>]>> = {
  runtime: ['', RUNTIME_SETTINGS],
  embedder: ['embedder.', EMBEDDER_SETTINGS],
  maintenance: ['maintenance.', MAINTENANCE_SETTINGS],
  spend: ['spend.', SPEND_SETTINGS],
  server: ['http.', HTTP_SERVER_SETTINGS],
  app: ['http.', HTTP_APP_SETTINGS],
};

/** The page with its tables as they should be. */
export function withSettingsTables(page: string): string {
  return page.replaceAll(
    /(<!-- settings (\w+) -->\n)[\s\S]*?(<!-- end -->)/g,
    (_, start: string, name: string, end: string) => `${start}\n${table(name)}\n\n${end}`,
  );
}

function table(name: string): string {
  const [prefix, group] = GROUPS[name] ?? ['', {}];
  const rows = Object.entries(group)
    .filter(([, setting]) => !setting.library)
    .map(
      ([key, setting]) =>
        `| ${[`\`${prefix}${key}\``, givenBy(`${prefix}${key}`), shown(setting), meaning(setting)].join(' | ')} |`,
    );
  return ['| setting | environment, flag | default | meaning |', '|---|---|---|---|', ...rows].join('\n');
}

function givenBy(name: string): string {
  const { env, fileEnv, setting } = findSetting(name) ?? {};
  const flag = setting?.flag?.split(' ')[0];
  const names = [env, fileEnv, flag].filter((given) => given !== undefined);
  return names.length === 0 ? 'file only' : names.map((given) => `\`${given}\``).join(', ');
}

function shown({ default: value, defaultText }: Setting): string {
  if (defaultText !== undefined) return defaultText;
  return typeof value === 'number' ? value.toLocaleString('en') : `\`${value}\``;
}

function meaning({ meaning: text, range }: Setting): string {
  return range === undefined ? text : `${text}; ${range.map((end) => end.toLocaleString('en')).join(' to ')}`;
}

if (import.meta.main) {
  for (const page of SETTINGS_PAGES) writeFileSync(page, withSettingsTables(readFileSync(page, 'utf8')));
}
