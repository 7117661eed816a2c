import type { Command } from 'commander';
import type { ConfigEntry } from '../../runtime/settings/load-config.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { printable } from '../printable.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';
import { formatTable, type TableColumn } from '../table.ts';

const HELP = `
Every setting that is in force, and where it comes from: its default, the configuration file, the environment, or a flag of this
command line; the later ones win. Secrets are hidden. Wrong names and values end with 2. Touches no catalog.

Examples:
  syncline config
  syncline config --set pollIntervalMs=5000
  syncline config --config other.config.ts --json
`;

/** One long value, such as a list of datasets, would push every origin off the screen. */
const VALUE_WIDTH_MAX = 32;

const COLUMNS: readonly TableColumn[] = [
  { heading: 'SETTING', align: 'left' },
  { heading: 'VALUE', align: 'left', widthMax: VALUE_WIDTH_MAX },
  { heading: 'FROM', align: 'left' },
];

export function addConfigCommand(program: Command, run: RunCommand): void {
  program
    .command('config')
    .summary('show the configuration in force')
    .description('Shows the configuration in force, and where each value comes from.')
    .addHelpText('after', HELP)
    .action((_options: object, command: Command) => run(command, showConfig));
}

async function showConfig({ output, config }: CommandContext): Promise<ExitCode> {
  const { file, entries } = await config();
  output.value({ file: file ?? null, settings: entries });
  output.note(
    file === undefined ? 'There is no configuration file.' : `Configuration file: ${printable(file)}`,
  );
  const rows = entries.map((entry) => [entry.name, shownValue(entry), originOf(entry)]);
  for (const line of formatTable(COLUMNS, rows, output.style.bold)) output.answer(line);
  return EXIT.ok;
}

function shownValue({ value }: ConfigEntry): string {
  if (value === null) return '-';
  return printable(typeof value === 'string' ? value : JSON.stringify(value));
}

function originOf({ origin, where }: ConfigEntry): string {
  if (where === null) return origin;
  return origin === 'file' ? origin : `${origin} ${where}`;
}
