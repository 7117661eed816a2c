import { type Command, InvalidArgumentError, Option } from 'commander';
import { isSynclineError } from '../domain/errors.ts';
import { type GivenValue, readSetFlag } from '../runtime/settings/layers.ts';
import { type NamedSetting, SETTINGS } from '../runtime/settings/settings.ts';

/** Options that every command has, besides those that are settings. */
export interface GlobalOptions {
  readonly config?: string;
  readonly set?: ReadonlyMap<string, GivenValue>;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const FLAGGED = SETTINGS.filter(({ setting }) => setting.flag !== undefined);
/** Settings that only `serve` has a use for. */
const OF_SERVER = FLAGGED.filter(({ name }) => name.startsWith('http.'));

/**
 * Declares the options of every command. Keys and tokens are no options: a command line is seen by every user of the
 * machine.
 */
export function addGlobalOptions(program: Command): void {
  for (const entry of FLAGGED) {
    if (!OF_SERVER.includes(entry)) program.addOption(optionOf(entry));
  }
  program
    .option('--config <file>', 'configuration file (default: syncline.config.ts, .js or .json here)')
    .option(
      '--set <name=value>',
      'any other setting, such as pollIntervalMs=5000; may be repeated',
      collectSet,
    )
    .option('--json', 'JSON on stdout, one document (serve and status --watch: one per line)')
    .option('-q, --quiet', 'no progress and no summaries; errors and answers only');
}

/** Declares the settings of the HTTP server. */
export function addServerOptions(command: Command): Command {
  for (const entry of OF_SERVER) command.addOption(optionOf(entry));
  return command;
}

function optionOf({ setting }: NamedSetting): Option {
  const { default: value, defaultText, meaning, allowed } = setting;
  const option = new Option(setting.flag ?? '', describe(meaning, value, defaultText));
  if (option.negate) return option;
  return option.argParser((text: string) => {
    const parsed = setting.parse(text);
    if (setting.accepts(parsed)) return parsed;
    throw new InvalidArgumentError(`Give ${allowed}.`);
  });
}

function describe(meaning: string, value: unknown, defaultText: string | undefined): string {
  const text = `${meaning[0]?.toLowerCase()}${meaning.slice(1)}`.replaceAll('`', '');
  const fallback = value === undefined ? defaultText?.replaceAll('`', '') : JSON.stringify(value);
  return typeof value === 'boolean' ? text : `${text} (default: ${fallback})`;
}

function collectSet(
  text: string,
  before: ReadonlyMap<string, GivenValue> = new Map(),
): ReadonlyMap<string, GivenValue> {
  try {
    return new Map([...before, readSetFlag(text)]);
  } catch (error) {
    if (isSynclineError(error)) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

/** The settings that the command line gives, with the flag that each comes from. */
export function settingsOf(command: Command): Map<string, GivenValue> {
  const given = new Map<string, GivenValue>(command.optsWithGlobals<GlobalOptions>().set);
  const values: Readonly<Record<string, unknown>> = command.optsWithGlobals();
  for (const { name, setting } of FLAGGED) {
    const option = new Option(setting.flag ?? '');
    const key = option.attributeName();
    // What nobody gave has its default below file and environment.
    if (command.getOptionValueSourceWithGlobals(key) !== 'cli') continue;
    given.set(name, { value: values[key], origin: 'flag', where: option.long ?? '' });
  }
  return given;
}
