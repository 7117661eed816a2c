import type { Command } from 'commander';
import type { Dataset, FailedChunk, FailureFilter, Syncline, TaskRefusal } from '../../index.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { countOf, formatTime } from '../format-values.ts';
import { collectCount, parseCount } from '../parse-arguments.ts';
import { printable } from '../printable.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';

const PAGE_LENGTH = 100;

interface FailuresOptions {
  readonly limit: number;
  readonly code?: string;
  readonly source?: string;
  readonly key?: string;
  readonly error?: string;
  readonly attempts?: number;
  readonly chunk?: readonly number[];
  readonly retry?: boolean;
  readonly refused?: boolean;
}

const HELP = `
Filters are combined: a chunk has to fit all of them. --retry gives those that fit another round of attempts, without a
filter all of them, and waits until they are searchable or given up again.

--refused lists something else: the records and documents that the newest tasks did not take in, the first 100 of each task.

Examples:
  syncline failures site/docs
  syncline failures site/docs --refused
  syncline failures site/docs --limit 1000 --json
  syncline failures site/docs --code EMBEDDING_REQUEST_REFUSED --error "too long"
  syncline failures site/docs --key guide.md --retry
`;

export function addFailuresCommand(program: Command, run: RunCommand): void {
  program
    .command('failures')
    .summary('list chunks that were given up, or try them again')
    .description(
      'Lists chunks whose text the embedder refused until they were given up, oldest first, with the reason.',
    )
    .argument('<dataset>', 'project/dataset')
    .option('-n, --limit <number>', 'most chunks to list', parseCount, PAGE_LENGTH)
    .option('--code <code>', 'only those whose last error has this code')
    .option('--source <name>', 'only those of documents of this source')
    .option('--key <key>', 'only those of this document')
    .option('--error <text>', 'only those whose last error holds this text')
    .option('--attempts <number>', 'only those with so many attempts, or more', parseCount)
    .option('--chunk <id>', 'only this chunk; may be given several times', collectCount)
    .option('--retry', 'try them again, instead of listing them')
    .option('--refused', 'list records that the newest tasks did not take in, instead of chunks')
    .addHelpText('after', HELP)
    .action((address: string, options: FailuresOptions, command: Command) =>
      run(command, (context) =>
        context.withRuntime(options.retry ? 'change' : 'readOnly', (runtime) => {
          const dataset = runtime.dataset(address);
          if (options.refused) return listRefused(context, runtime, address, options.limit);
          return options.retry ? retry(context, dataset, options) : list(context, dataset, options);
        }),
      ),
    );
}

function filterOf({ code, source, key, error, attempts, chunk }: FailuresOptions): FailureFilter {
  return {
    ...(code !== undefined && { code }),
    ...(source !== undefined && { source }),
    ...(key !== undefined && { key }),
    ...(error !== undefined && { error }),
    ...(attempts !== undefined && { attemptsMin: attempts }),
    ...(chunk !== undefined && { chunkIds: chunk }),
  };
}

async function retry(
  { output, signal }: CommandContext,
  dataset: Dataset,
  options: FailuresOptions,
): Promise<ExitCode> {
  const result = await dataset.retryFailures({ ...filterOf(options), signal });
  output.value({ dataset: dataset.address, ...result });
  const { retriedCount, failedCount } = result;
  output.answer(
    `${dataset.address}: ${countOf(retriedCount, 'chunk')} tried again, ${failedCount} given up now.`,
  );
  return failedCount > 0 && retriedCount > 0 ? EXIT.failed : EXIT.ok;
}

async function list(
  { output }: CommandContext,
  dataset: Dataset,
  options: FailuresOptions,
): Promise<ExitCode> {
  const { limit } = options;
  const filter = filterOf(options);
  const failures: ReturnType<typeof toPlain>[] = [];
  let afterChunkId = 0;
  while (failures.length < limit) {
    const page = await dataset.failures({
      ...filter,
      afterChunkId,
      limit: Math.min(PAGE_LENGTH, limit - failures.length),
    });
    for (const failure of page) {
      failures.push(toPlain(failure));
      output.answer(describe(failure));
    }
    if (page.length < PAGE_LENGTH) break;
    afterChunkId = page.at(-1)?.chunkId ?? afterChunkId;
  }
  output.value({ dataset: dataset.address, failures });
  const isFiltered = Object.keys(filter).length > 0;
  if (failures.length === 0)
    output.note(`${dataset.address}: no chunk ${isFiltered ? 'that fits ' : ''}was given up.`);
  else if (failures.length === limit) output.note(`These are the first ${limit}; see more with --limit.`);
  return EXIT.ok;
}

/** Tasks that are looked at. */
const TASKS_MAX = 50;

async function listRefused(
  { output }: CommandContext,
  runtime: Syncline,
  address: string,
  limit: number,
): Promise<ExitCode> {
  const { items } = await runtime.tasks.list({ dataset: address, limit: TASKS_MAX });
  const refused: (TaskRefusal & { readonly taskId: number })[] = [];
  for (const { taskId, kind, startedAtMs } of items) {
    const found = (await runtime.tasks.get(taskId)).refused ?? [];
    for (const refusal of found.slice(0, limit - refused.length)) {
      refused.push({ taskId, ...refusal });
      const { key, code, message } = refusal;
      output.answer(
        `${kind} (task ${taskId}, ${formatTime(startedAtMs)}): "${printable(key)}": ${code}: ${printable(message)}`,
      );
    }
    if (refused.length >= limit) break;
  }
  output.value({ dataset: address, refused });
  if (refused.length === 0) output.note(`${address}: its newest tasks refused nothing.`);
  else if (refused.length === limit) output.note(`These are the first ${limit}; see more with --limit.`);
  return EXIT.ok;
}

function toPlain({ chunkId, key, ordinal, attemptCount, code, lastError }: FailedChunk) {
  return { chunkId, source: key.source, key: key.key, ordinal, attemptCount, code, lastError };
}

function describe({ key, ordinal, attemptCount, lastError }: FailedChunk): string {
  const source = key.source === 'default' ? '' : ` (source ${printable(key.source)})`;
  const attempts = countOf(attemptCount, 'attempt');
  return `${printable(key.key)}${source}, chunk ${ordinal + 1}, ${attempts}: ${printable(lastError)}`;
}
