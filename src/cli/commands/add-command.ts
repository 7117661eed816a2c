import { type Command, Option } from 'commander';
import type { DocumentInput } from '../../domain/document.ts';
import { isSynclineError, SynclineError } from '../../domain/errors.ts';
import type { Dataset, IngestMode, IngestResult, Syncline } from '../../index.ts';
import type { FileSelection } from '../../readers/file-rules.ts';
import { DEFAULT_DATASET } from '../default-dataset.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { addSelectionOptions } from '../file-selection.ts';
import { countOf, formatCount, formatDuration } from '../format-values.ts';
import { showProgress } from '../progress.ts';
import { createInputReport, type InputReport, noteProblem, readInput } from '../read-input.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';

interface AddOptions extends FileSelection {
  readonly dataset: string;
  readonly source?: string;
  readonly mode?: IngestMode;
}

const HELP = `
What is read: Markdown (front matter becomes metadata), text, HTML (stripped), source code, PDF and JSON Lines. A folder is walked;
hidden files, node_modules and what .gitignore files say are left out. --include and --exclude take glob patterns: "*.md" at
any depth, "docs/*.md" from the folder, "drafts" with all that is in it. "-" is standard input, as JSON Lines: one {"key": …, "content": …,
"title"?, "source"?, "format"?, "metadata"?} per line.

A document is known by source and key: its path below the current folder; outside of that, the path that begins with
the name of the folder given. Unchanged documents cost nothing, of changed ones only chunks with new text are embedded.
Files that have vanished from a folder are NOT removed from the dataset. What cannot be read or is refused is told on stderr, the rest is taken in, and the exit code is
then 1.

Examples:
  syncline add docs/                               a folder into ${DEFAULT_DATASET}
  syncline add README.md docs/ --dataset site/docs
  syncline add . --include "*.md" --exclude drafts
  cat rows.jsonl | syncline add - --dataset shop/products --source erp
  syncline add dump.jsonl --mode async             queue only; "syncline index" or "serve" does the rest later
`;

export function addAddCommand(program: Command, run: RunCommand): void {
  const command = program
    .command('add')
    .summary('take files, folders or JSON Lines into a dataset')
    .description(
      'Takes documents into a dataset, which is created when there is none, and makes them searchable.',
    )
    .argument('<paths...>', 'files and folders; "-" for JSON Lines from standard input')
    .option('-d, --dataset <address>', 'project/dataset to take them into', DEFAULT_DATASET)
    .option('--source <name>', 'source of documents that do not name their own (default: "default")')
    .addOption(
      new Option(
        '--mode <mode>',
        'sync: return when searchable; async: return when queued (default: sync)',
      ).choices(['sync', 'async']),
    );
  addSelectionOptions(command)
    .addHelpText('after', HELP)
    .action((paths: string[], options: AddOptions, self: Command) =>
      run(self, (context) => add(context, paths, options)),
    );
}

async function add(
  context: CommandContext,
  paths: readonly string[],
  options: AddOptions,
): Promise<ExitCode> {
  const { output, signal } = context;
  const report = createInputReport();
  if (paths.includes('-') && process.stdin.isTTY)
    output.note('Reading JSON Lines from the terminal; Ctrl-D ends.');
  const documents = readInput(paths, options, report, output, signal);
  try {
    // Nothing is opened or created for input that holds nothing.
    const first = await documents.next();
    if (first.done) throw nothingReadable(paths, report);
    return await context.withRuntime('create', (runtime) =>
      takeIn(context, runtime, startingWith(first.value, documents), report, options),
    );
  } finally {
    await documents.return();
    // Standard input that is still open would keep the process alive.
    if (paths.includes('-')) process.stdin.destroy();
  }
}

async function* startingWith(
  first: DocumentInput,
  rest: AsyncGenerator<DocumentInput>,
): AsyncGenerator<DocumentInput> {
  yield first;
  yield* rest;
}

async function* endingWith(
  documents: AsyncGenerator<DocumentInput>,
  onEnd: () => void,
): AsyncGenerator<DocumentInput> {
  yield* documents;
  onEnd();
}

/** What embeds for this dataset: for one that exists, what it was made with, whatever new ones would get. */
async function describeEmbedder(dataset: Dataset, runtime: Syncline): Promise<string> {
  try {
    const { profile } = await dataset.status();
    return `${profile}, because ${dataset.address} was made with it`;
  } catch (error) {
    if (isSynclineError(error, 'DATASET_NOT_FOUND', 'CATALOG_MISSING', 'CATALOG_OUTDATED'))
      return runtime.embedderReason;
    throw error;
  }
}

async function takeIn(
  context: CommandContext,
  runtime: Syncline,
  documents: AsyncGenerator<DocumentInput>,
  report: InputReport,
  options: AddOptions,
): Promise<ExitCode> {
  const { output, signal } = context;
  const dataset = runtime.dataset(options.dataset);
  output.note(`Embedder: ${await describeEmbedder(dataset, runtime)}.`);
  const progress = showProgress(output, runtime);
  let givenUpCount = 0;
  runtime.on((event) => {
    if (event.type === 'document.refused') {
      const { code, message, key } = event;
      noteProblem(report, output, { code, message, key });
    } else if (event.type === 'text.failed' && event.gaveUp) {
      givenUpCount += 1;
      noteProblem(report, output, { code: event.code, message: event.message });
    }
  });
  signal.addEventListener('abort', () => output.note('Stopping; Ctrl-C again stops at once.'), {
    once: true,
  });
  const { mode = 'sync' } = options;
  const read = endingWith(documents, () => progress.aim(dataset));
  const result = await dataset.ingest(read, { mode, signal }).finally(progress.stop);
  const { refused: _, ...counts } = result;
  const { unreadableCount, skippedFiles, problems } = report;
  output.value({
    dataset: dataset.address,
    ...counts,
    unreadableCount,
    givenUpCount,
    skippedFiles,
    problems,
  });
  if (!output.quiet) output.answer(summary(dataset.address, result, report, givenUpCount));
  return result.refusedCount + unreadableCount + givenUpCount > 0 ? EXIT.failed : EXIT.ok;
}

function summary(address: string, result: IngestResult, report: InputReport, givenUpCount: number): string {
  const { addedCount, changedCount, unchangedCount, refusedCount, durationMs, mode } = result;
  const parts = [
    `${countOf(addedCount + changedCount + unchangedCount, 'document')} in ${formatDuration(durationMs)}`,
    `${formatCount(addedCount)} added`,
    `${formatCount(changedCount)} changed`,
    `${formatCount(unchangedCount)} unchanged`,
    ...(refusedCount > 0 ? [`${formatCount(refusedCount)} refused`] : []),
    ...(report.unreadableCount > 0 ? [`${formatCount(report.unreadableCount)} unreadable`] : []),
    ...(givenUpCount > 0 ? [`${countOf(givenUpCount, 'chunk')} given up`] : []),
    ...(report.skippedFiles.count > 0
      ? [`${countOf(report.skippedFiles.count, 'file')} of other kinds left out`]
      : []),
  ];
  const next =
    mode === 'async' ? ' Queued: "syncline index" or the next "syncline serve" does the rest.' : '';
  return `${address}: ${parts.join(', ')}.${next}`;
}

function nothingReadable(paths: readonly string[], { problems, skippedFiles }: InputReport): SynclineError {
  const leftOut = skippedFiles.count > 0 ? ` (${countOf(skippedFiles.count, 'file')} of other kinds)` : '';
  return new SynclineError(
    'SOURCE_UNREADABLE',
    `There is no document in ${paths.map((path) => `"${path}"`).join(', ')}${leftOut}. Give Markdown, text, HTML, source code, PDF or JSON Lines; see "syncline add --help".`,
    { details: { paths, problems, skippedFiles } },
  );
}
