import type { Command } from 'commander';
import { isSynclineError, SynclineError } from '../../domain/errors.ts';
import type {
  ChangedIds,
  Dataset,
  IndexCounts,
  IndexOptions,
  RefusedDocument,
  Syncline,
} from '../../index.ts';
import { collectChanged, readChangedFile } from '../changed-ids.ts';
import { EXIT, type ExitCode, exitCodeFor } from '../exit-codes.ts';
import { countOf, formatCount, formatDuration } from '../format-values.ts';
import type { Output } from '../output.ts';
import { type Progress, showProgress } from '../progress.ts';
import { formatError, toReportedError } from '../reported-error.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';

interface IndexCommandOptions {
  readonly retryFailed?: boolean;
  readonly full?: boolean;
  readonly changed?: ChangedIds;
  readonly changedFrom?: string;
  readonly source?: string;
  readonly allowMassDeletion?: boolean;
}

/** What became of one dataset; `error` stands alone when it failed. */
interface IndexOutcome {
  readonly dataset: string;
  readonly retriedCount?: number;
  /** Only where something was read. */
  readonly counts?: IndexCounts | undefined;
  /** The first records that cannot become documents, up to 100. */
  readonly refused?: readonly RefusedDocument[];
  readonly indexedChunks?: number;
  readonly failedChunks?: number;
  /** Chunks that wait for batch jobs. */
  readonly batchedChunks?: number;
  /** Records that this run refused, and texts that it gave up. */
  readonly notTakenCount?: number;
  readonly durationMs?: number;
  /** Why the table's last maintenance failed, if it did. */
  readonly maintenanceFailure?: { readonly code: string; readonly message: string };
  readonly error?: { readonly code: string; readonly message: string };
}

/** On lines of their own; what else there is "failures --refused" lists. */
const REFUSED_TOLD_MAX = 10;

const HELP = `
Reads the sources of a dataset, if it has any, takes in what has changed, and does everything that waits: queued documents, pending
chunks, unwritten rows. With --full, documents are removed that their source does not have any more; with --changed, only these records are looked at.
A dataset that fails does not stop the
others; the exit code is then 1, as when records were refused or chunks given up, or the upkeep of a table fails. Chunks that were given up are listed by "syncline failures DATASET".

Examples:
  syncline index                                all datasets
  syncline index site/docs
  syncline index site/docs --retry-failed       another round of attempts for chunks that were given up
  syncline index shop/orders --full             read everything, remove what is gone
  syncline index shop/orders --changed orders:1,2 --changed notes:7
  syncline index shop/orders --changed 'lines:[1,2],["de",3]'   a key of several columns
  syncline index shop/orders --changed-from changed.txt     one record a line: orders:1
`;

export function addIndexCommand(program: Command, run: RunCommand): void {
  program
    .command('index')
    .summary('do everything that waits')
    .description('Does everything that waits, in one dataset or in all.')
    .argument('[dataset]', 'project/dataset (default: all)')
    .option('--retry-failed', 'give chunks that were given up another round of attempts')
    .option('--full', 'read the sources from end to end, and remove what they do not have any more')
    .option('--changed <table:ids>', 'look at these records alone; may be repeated', collectChanged)
    .option('--changed-from <file>', 'the same, from a file')
    .option('--source <name>', 'read this source alone')
    .option('--allow-mass-deletion', 'remove as much as there is to remove, also all of a source')
    .addHelpText('after', HELP)
    .action((address: string | undefined, options: IndexCommandOptions, command: Command) =>
      run(command, async (context) => {
        const access = (await declaredNames(context)).length > 0 ? 'create' : 'change';
        return context.withRuntime(access, (runtime) => indexDatasets(context, runtime, address, options));
      }),
    );
}

async function indexDatasets(
  context: CommandContext,
  runtime: Syncline,
  address: string | undefined,
  options: IndexCommandOptions,
): Promise<ExitCode> {
  const { output, signal } = context;
  // What is wrong with them is told before anything is shown: its timer would keep the process alive.
  const indexOptions = await readOptions(address, options);
  const progress = showProgress(output, runtime);
  signal.addEventListener('abort', () => output.note('Stopping; Ctrl-C again stops at once.'), {
    once: true,
  });
  runtime.on((event) => {
    if (event.type === 'dataset.created')
      output.note(`Embedder of ${event.address}, which is new: ${runtime.embedderReason}.`);
    if (event.type === 'sources.read') progress.aim(runtime.dataset(event.address));
  });
  const outcomes: IndexOutcome[] = [];
  let exitCode: ExitCode = EXIT.ok;
  try {
    for await (const name of address === undefined ? namesOf(context, runtime) : [address]) {
      const outcome = await indexOne(context, runtime, progress, name, indexOptions, address === undefined);
      outcomes.push(outcome);
      if (outcome.error === undefined && !output.quiet) output.answer(describe(outcome));
      tellRefused(output, name, outcome);
      const failure = outcome.error ?? outcome.maintenanceFailure;
      if ((outcome.notTakenCount ?? 0) > 0) exitCode = EXIT.failed;
      if (failure !== undefined) {
        exitCode = exitCodeFor(failure.code);
        output.problem(formatError(failure.code, failure.message));
      }
    }
  } finally {
    progress.stop();
  }
  output.value({ datasets: outcomes });
  if (outcomes.length === 0) output.note('There are no datasets. Add documents with "syncline add FOLDER".');
  return exitCode;
}

async function indexOne(
  { signal, leaveBehind }: CommandContext,
  runtime: Syncline,
  progress: Progress,
  name: string,
  options: IndexOptions,
  isOneOfMany: boolean,
): Promise<IndexOutcome> {
  try {
    const dataset = runtime.dataset(name);
    progress.expect(await waitingDocuments(dataset));
    const { refused, durationMs, ...run } = await dataset.index({ ...options, signal });
    const { retriedCount } = run;
    const { counts, maintenance } = await dataset.status();
    const { indexedChunks, chunks, batchedChunks } = counts;
    const failure = maintenance?.failure;
    return {
      dataset: name,
      retriedCount,
      counts: run.readCount + run.removedCount + run.unknownCount > 0 ? run : undefined,
      ...(refused.length > 0 && { refused }),
      indexedChunks,
      failedChunks: chunks.failed,
      batchedChunks,
      notTakenCount: run.failedCount + run.givenUpCount,
      durationMs,
      ...(failure && { maintenanceFailure: failure }),
    };
  } catch (error) {
    if (isSynclineError(error, 'SOURCE_STALLED')) leaveBehind();
    const isOfAll = isSynclineError(error, 'LEASE_HELD', 'LEASE_LOST') || signal.aborted;
    if (isOfAll || !isOneOfMany) throw error;
    const { code, message } = toReportedError(error);
    return { dataset: name, error: { code, message } };
  }
}

function tellRefused(output: Output, name: string, { refused = [], counts }: IndexOutcome): void {
  for (const { key, code, message } of refused.slice(0, REFUSED_TOLD_MAX))
    output.problem(formatError(code, `${name}: ${key === '' ? '' : `"${key}": `}${message}`));
  const more = (counts?.failedCount ?? 0) - REFUSED_TOLD_MAX;
  if (more > 0) output.note(`${formatCount(more)} more were refused: "syncline failures ${name} --refused".`);
}

async function readOptions(
  address: string | undefined,
  { changed, changedFrom, ...options }: IndexCommandOptions,
): Promise<IndexOptions> {
  const changedIds = changedFrom === undefined ? changed : await readChangedFile(changedFrom, changed);
  if (changedIds !== undefined && address === undefined)
    throw new SynclineError('INVALID_OPTION', 'Give the dataset whose records have changed.');
  return { ...options, ...(changedIds && { changedIds }) };
}

async function declaredNames({ config }: CommandContext): Promise<readonly string[]> {
  return Object.keys((await config()).options.datasets ?? {});
}

/** All datasets: those that the configuration declares may have to be made first. */
async function* namesOf(context: CommandContext, runtime: Syncline): AsyncGenerator<string> {
  const declared = await declaredNames(context);
  yield* declared;
  for await (const name of runtime.datasets()) if (!declared.includes(name)) yield name;
}

/** Documents that wait from before; none of a dataset that is only declared. */
async function waitingDocuments(dataset: Dataset): Promise<number> {
  try {
    return (await dataset.status()).counts.queuedDocuments;
  } catch (error) {
    if (isSynclineError(error, 'DATASET_NOT_FOUND', 'CATALOG_MISSING', 'CATALOG_OUTDATED')) return 0;
    throw error;
  }
}

function describe({
  dataset,
  counts,
  retriedCount = 0,
  indexedChunks = 0,
  failedChunks = 0,
  batchedChunks = 0,
  durationMs = 0,
}: IndexOutcome): string {
  const retried = retriedCount > 0 ? `, ${formatCount(retriedCount)} tried again` : '';
  const failed =
    failedChunks > 0 ? `, ${formatCount(failedChunks)} given up (see "syncline failures ${dataset}")` : '';
  const read = counts === undefined ? '' : describeCounts(counts);
  const standing = batchedChunks > 0 ? waitsForJobs(batchedChunks) : 'up to date';
  return `${dataset}:${read} ${read === '' ? standing : `${standing[0]?.toUpperCase()}${standing.slice(1)}`}, ${countOf(indexedChunks, 'chunk')} indexed${retried}${failed}, ${formatDuration(durationMs)}.`;
}

/** What was read, and what became of it. */
function describeCounts(counts: IndexCounts): string {
  const { readCount, addedCount, changedCount, removedCount, unchangedCount, failedCount } = counts;
  const { unknownCount, embeddedCount, reusedCount } = counts;
  const refused = failedCount > 0 ? `, ${formatCount(failedCount)} refused` : '';
  const documents = `${formatCount(addedCount)} added, ${formatCount(changedCount)} changed, ${formatCount(removedCount)} removed, ${formatCount(unchangedCount)} unchanged${refused}`;
  const texts = `${countOf(embeddedCount, 'text')} embedded, ${formatCount(reusedCount)} reused`;
  const isOrAre = unknownCount === 1 ? 'is' : 'are';
  const unknown =
    unknownCount > 0
      ? ` ${countOf(unknownCount, 'id')} ${isOrAre} known neither to the source nor to the dataset.`
      : '';
  return ` ${countOf(readCount, 'record')} read: ${documents}; ${texts}.${unknown}`;
}

function waitsForJobs(chunks: number): string {
  return `${countOf(chunks, 'chunk')} in batch jobs (see "syncline batch list"; "syncline batch sync" or a running "syncline serve" brings them in)`;
}
