import type { Command } from 'commander';
import { showCopyProgress } from '../copy-progress.ts';
import { describeSummary } from '../describe-catalog.ts';
import { EXIT } from '../exit-codes.ts';
import { formatDuration } from '../format-values.ts';
import type { RunCommand } from '../run-command.ts';

interface BackupCommandOptions {
  readonly force?: boolean;
}

const HELP = `
Copies the catalog as it is at one moment, also while a worker is at work, checks the copy, and gives it its name only when
all of it is on disk. The catalog is all there is to back up: tables are built again from it without paying.

Examples:
  syncline backup /backups/catalog-monday.db
  syncline backup /backups/latest.db --force    replace the one that is there
`;

export function addBackupCommand(program: Command, run: RunCommand): void {
  program
    .command('backup')
    .summary('copy the catalog to a file, while it is worked on')
    .description('Copies the catalog to a file that "syncline restore" takes.')
    .argument('<file>', 'the new file')
    .option('--force', 'replace a file that is there')
    .addHelpText('after', HELP)
    .action((file: string, { force = false }: BackupCommandOptions, command: Command) =>
      run(command, ({ output, signal, withRuntime }) =>
        withRuntime('readOnly', async (runtime) => {
          const onProgress = showCopyProgress(output);
          const result = await runtime.backup(file, { force, signal, onProgress });
          output.setFootLine(undefined);
          output.value(result);
          if (!output.quiet) {
            const took = formatDuration(result.durationMs);
            output.answer(`Backed up to ${result.path}: ${describeSummary(result)}, ${took}.`);
          }
          return EXIT.ok;
        }),
      ),
    );
}
