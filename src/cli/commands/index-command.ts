import type { Command } from 'commander';
import { isSynclineError } from '../../domain/errors.ts';
import type { Syncline } from '../../index.ts';
import { EXIT, type ExitCode, exitCodeFor } from '../exit-codes.ts';
import { countOf, formatCount, formatDuration } from '../format-values.ts';
import { type Progress, showProgress } from '../progress.ts';
import { formatError, toReportedError } from '../reported-error.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';

interface IndexCommandOptions {
  readonly retryFailed?: boolean;
}

/** What became of one dataset; `error` stands alone when it failed. */
interface IndexOutcome {
  readonly dataset: string;
  readonly retriedCount?: number;
  readonly indexedChunks?: number;
  readonly failedChunks?: number;
  readonly durationMs?: number;
  /** Why the table's last maintenance failed, if it did. */
  readonly maintenanceFailure?: { readonly code: string; readonly message: string };
  readonly error?: { readonly code: string; readonly message: string };
}

const HELP = `
Does everything that waits: queued documents, pending chunks, unwritten rows. A dataset that fails does not stop the
others; the exit code is then 1, as when everything is indexed but the upkeep of a table fails. Chunks that were given up are listed by "syncline failures DATASET".

Examples:
  syncline index                                all datasets
  syncline index site/docs
  syncline index site/docs --retry-failed       another round of attempts for chunks that were given up
`;

export function addIndexCommand(program: Command, run: RunCommand): void {
  program
    .command('index')
    .summary('do everything that waits')
    .description('Does everything that waits, in one dataset or in all.')
    .argument('[dataset]', 'project/dataset (default: all)')
    .option('--retry-failed', 'give chunks that were given up another round of attempts')
    .addHelpText('after', HELP)
    .action((address: string | undefined, options: IndexCommandOptions, command: Command) =>
      run(command, (context) =>
        context.withRuntime('readWrite', (runtime) => indexDatasets(context, runtime, address, options)),
      ),
    );
}

async function indexDatasets(
  context: CommandContext,
  runtime: Syncline,
  address: string | undefined,
  options: IndexCommandOptions,
): Promise<ExitCode> {
  const { output, signal } = context;
  const progress = showProgress(output, runtime);
  signal.addEventListener('abort', () => output.note('Stopping; Ctrl-C again stops at once.'), {
    once: true,
  });
  const outcomes: IndexOutcome[] = [];
  let exitCode: ExitCode = EXIT.ok;
  try {
    for await (const name of address === undefined ? runtime.datasets() : [address]) {
      const outcome = await indexOne(context, runtime, progress, name, options, address === undefined);
      outcomes.push(outcome);
      if (outcome.error === undefined && !output.quiet) output.answer(describe(outcome));
      const failure = outcome.error ?? outcome.maintenanceFailure;
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
  { signal }: CommandContext,
  runtime: Syncline,
  progress: Progress,
  name: string,
  { retryFailed = false }: IndexCommandOptions,
  isOneOfMany: boolean,
): Promise<IndexOutcome> {
  try {
    const dataset = runtime.dataset(name);
    progress.expect((await dataset.status()).counts.queuedDocuments);
    const { retriedCount, durationMs } = await dataset.index({ retryFailed, signal });
    const { counts, maintenance } = await dataset.status();
    const { indexedChunks, chunks } = counts;
    const failure = maintenance?.failure;
    return {
      dataset: name,
      retriedCount,
      indexedChunks,
      failedChunks: chunks.failed,
      durationMs,
      ...(failure && { maintenanceFailure: failure }),
    };
  } catch (error) {
    const isOfAll = isSynclineError(error, 'LEASE_HELD', 'LEASE_LOST') || signal.aborted;
    if (isOfAll || !isOneOfMany) throw error;
    const { code, message } = toReportedError(error);
    return { dataset: name, error: { code, message } };
  }
}

function describe({
  dataset,
  retriedCount = 0,
  indexedChunks = 0,
  failedChunks = 0,
  durationMs = 0,
}: IndexOutcome): string {
  const retried = retriedCount > 0 ? `, ${formatCount(retriedCount)} tried again` : '';
  const failed =
    failedChunks > 0 ? `, ${formatCount(failedChunks)} given up (see "syncline failures ${dataset}")` : '';
  return `${dataset}: up to date, ${countOf(indexedChunks, 'chunk')} indexed${retried}${failed}, ${formatDuration(durationMs)}.`;
}
