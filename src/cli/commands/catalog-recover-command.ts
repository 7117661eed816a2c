import type { Command } from 'commander';
import type { RecoveredDataset, RecoverProgress, RecoverReport } from '../../index.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { countOf, formatCount, formatDuration } from '../format-values.ts';
import type { Output } from '../output.ts';
import { printable } from '../printable.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';

interface RecoverCommandOptions {
  readonly force?: boolean;
  readonly catalogId?: string;
}

const HELP = `
For the day when the catalog is gone and there is no backup; a backup is better, because it holds more. Reads the tables and makes a
catalog with the documents, chunks and vectors that they hold; the tables go on serving. Then give your documents again
("syncline add"): what the tables held is recognised and not paid for again. The exit code is 1 when a table could not be read, or
passages are missing.

Examples:
  syncline catalog recover
  syncline catalog recover --force              a damaged catalog is still there; it is kept beside the new one
`;

export function addCatalogRecoverCommand(parent: Command, run: RunCommand): void {
  parent
    .command('recover')
    .summary('make a lost catalog again from the tables')
    .description('Makes a catalog from what the tables in the folder hold.')
    .option('--force', 'replace a catalog that is there')
    .option('--catalog-id <id>', 'which one, where tables of several catalogs lie in the folder')
    .addHelpText('after', HELP)
    .action((options: RecoverCommandOptions, command: Command) =>
      run(command, (context) => recover(context, options)),
    );
}

async function recover(
  { output, signal, config }: CommandContext,
  { force = false, catalogId }: RecoverCommandOptions,
): Promise<ExitCode> {
  // Help and wrong usage are answered without loading the stores.
  const { recoverCatalog } = await import('../../index.ts');
  const { dataDir, catalogUrl, vectorsUri } = (await config()).options;
  const report = await recoverCatalog({
    ...(dataDir !== undefined && { dataDir }),
    ...(catalogUrl !== undefined && { catalogUrl }),
    ...(vectorsUri !== undefined && { vectorsUri }),
    ...(catalogId !== undefined && { catalogId }),
    force,
    signal,
    onProgress: showRecovery(output),
  });
  output.setFootLine(undefined);
  output.value({ ...report, keptAs: report.keptAs ?? null });
  tell(output, report);
  const isPartial =
    report.notRecovered.length > 0 || report.datasets.some((each) => each.incompleteDocuments > 0);
  return isPartial ? EXIT.failed : EXIT.ok;
}

function showRecovery(output: Output): (progress: RecoverProgress) => void {
  if (output.quiet || !output.isNoteTerminal) return () => undefined;
  return ({ dataset, documents, documentsTotal }) =>
    output.setFootLine(
      `${dataset}: ${formatCount(documents)} of ${countOf(documentsTotal, 'document')} recovered`,
    );
}

function tell(output: Output, { path, keptAs, datasets, notRecovered, durationMs }: RecoverReport): void {
  for (const dataset of datasets) output.answer(describeDataset(dataset));
  for (const { table, reason } of notRecovered)
    output.note(`Not recovered, and left as it is: the table ${printable(table)}. ${printable(reason)}`);
  if (keptAs !== undefined) output.note(`The catalog that was there is kept as ${keptAs}.`);
  output.answer(`Recovered ${path} in ${formatDuration(durationMs)}.`);
  output.note(
    'Now give your documents again ("syncline add …"): what the tables held is not paid for again.',
  );
}

function describeDataset(recovered: RecoveredDataset): string {
  const { dataset, documents, chunks, incompleteDocuments, firstIncomplete, leftOutRows } = recovered;
  const gaps =
    incompleteDocuments > 0
      ? `, ${formatCount(incompleteDocuments)} of them with passages missing (${firstIncomplete.slice(0, 3).map(printable).join(', ')}${incompleteDocuments > 3 ? ', …' : ''})`
      : '';
  const leftOut = leftOutRows > 0 ? `, ${countOf(leftOutRows, 'row')} left out` : '';
  return `${dataset}: ${countOf(documents, 'document')}${gaps}, ${countOf(chunks, 'chunk')} with vectors${leftOut}.`;
}
