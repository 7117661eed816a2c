import type { Command } from 'commander';
import { showCopyProgress } from '../copy-progress.ts';
import { describeSummary } from '../describe-catalog.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatDuration } from '../format-values.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';

interface RestoreCommandOptions {
  readonly force?: boolean;
}

const HELP = `
Puts a backup in the place of the catalog. Stop the worker first. A catalog that is there is replaced with --force only, and
kept beside the new one. Afterwards "syncline index" brings the tables in line, without paying for any text.

Examples:
  syncline restore /backups/catalog-monday.db
  syncline restore /backups/catalog-monday.db --force && syncline index
`;

export function addRestoreCommand(program: Command, run: RunCommand): void {
  program
    .command('restore')
    .summary('put a backup in the place of the catalog')
    .description('Puts a backup of the catalog in its place.')
    .argument('<file>', 'a file that "syncline backup" made')
    .option('--force', 'replace a catalog that is there')
    .addHelpText('after', HELP)
    .action((file: string, options: RestoreCommandOptions, command: Command) =>
      run(command, (context) => restore(context, file, options)),
    );
}

async function restore(
  { output, signal, config }: CommandContext,
  backup: string,
  { force = false }: RestoreCommandOptions,
): Promise<ExitCode> {
  // Help and wrong usage are answered without loading the stores.
  const { restoreCatalog } = await import('../../index.ts');
  const { dataDir, catalogUrl } = (await config()).options;
  const result = await restoreCatalog({
    ...(dataDir !== undefined && { dataDir }),
    ...(catalogUrl !== undefined && { catalogUrl }),
    backup,
    force,
    signal,
    onProgress: showCopyProgress(output),
  });
  output.setFootLine(undefined);
  output.value({ ...result, keptAs: result.keptAs ?? null });
  if (result.keptAs !== undefined) output.note(`The catalog that was there is kept as ${result.keptAs}.`);
  if (!output.quiet) {
    const took = formatDuration(result.durationMs);
    output.answer(`Restored ${result.path}: ${describeSummary(result)}, ${took}.`);
    output.note('Now run "syncline index" (or start the worker): it brings the tables in line.');
  }
  return EXIT.ok;
}
