import type { Command } from 'commander';
import type { CatalogReport } from '../../index.ts';
import { describeSummary } from '../describe-catalog.ts';
import { EXIT } from '../exit-codes.ts';
import { printable } from '../printable.ts';
import type { RunCommand } from '../run-command.ts';

const HELP = `
Lets SQLite check the whole file, and compares the folder of tables with the catalog. Only looks; works beside a worker. The exit
code is 1 when the file is damaged or a table is missing. What a table holds is for "syncline check".

Examples:
  syncline catalog check
  syncline catalog check --json
`;

export function addCatalogCheckCommand(parent: Command, run: RunCommand): void {
  parent
    .command('check')
    .summary('check the file and the folder of tables')
    .description('Checks the file of the catalog, and which tables lie in the folder.')
    .addHelpText('after', HELP)
    .action((_: unknown, command: Command) =>
      run(command, ({ output, withRuntime }) =>
        withRuntime('readOnly', async (runtime) => {
          const report = await runtime.checkCatalog();
          output.value({ ...report, summary: report.summary ?? null });
          for (const line of reportLines(report)) output.answer(line);
          return report.missingTables.length === 0 ? EXIT.ok : EXIT.failed;
        }),
      ),
    );
}

function reportLines({ catalog, catalogId, summary, missingTables, strangeTables }: CatalogReport): string[] {
  const sound =
    summary === undefined
      ? 'is on a server, which checks itself'
      : `is sound: ${describeSummary(summary)}, version ${summary.version}`;
  return [
    `The catalog ${printable(catalog)} ${sound}.`,
    `Its id is ${catalogId}.`,
    ...missingTables.map((name) => `Missing: the table ${name}. "syncline index" builds it anew.`),
    ...strangeTables.map(
      ({ name, reason }) => `Not of this catalog: the table ${printable(name)}. ${printable(reason)}`,
    ),
  ];
}
