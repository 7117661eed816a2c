import type { Command } from 'commander';
import type { Dataset, FailedChunk } from '../../index.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { countOf } from '../format-values.ts';
import { parseCount } from '../parse-arguments.ts';
import { printable } from '../printable.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';

const PAGE_LENGTH = 100;

const HELP = `
Examples:
  syncline failures site/docs
  syncline failures site/docs --limit 1000 --json
  syncline index site/docs --retry-failed       another round of attempts
`;

export function addFailuresCommand(program: Command, run: RunCommand): void {
  program
    .command('failures')
    .summary('list chunks that were given up')
    .description(
      'Lists chunks whose text the embedder refused until they were given up, oldest first, with the reason.',
    )
    .argument('<dataset>', 'project/dataset')
    .option('-n, --limit <number>', 'most chunks to list', parseCount, PAGE_LENGTH)
    .addHelpText('after', HELP)
    .action((address: string, { limit }: { readonly limit: number }, command: Command) =>
      run(command, (context) =>
        context.withRuntime('readOnly', (runtime) => listFailures(context, runtime.dataset(address), limit)),
      ),
    );
}

async function listFailures({ output }: CommandContext, dataset: Dataset, limit: number): Promise<ExitCode> {
  const failures: ReturnType<typeof toPlain>[] = [];
  let afterChunkId = 0;
  while (failures.length < limit) {
    const page = await dataset.failures({
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
  if (failures.length === 0) output.note(`${dataset.address}: no chunk was given up.`);
  else if (failures.length === limit) output.note(`These are the first ${limit}; see more with --limit.`);
  return EXIT.ok;
}

function toPlain({ chunkId, key, ordinal, attemptCount, lastError }: FailedChunk) {
  return { chunkId, source: key.source, key: key.key, ordinal, attemptCount, lastError };
}

function describe({ key, ordinal, attemptCount, lastError }: FailedChunk): string {
  const source = key.source === 'default' ? '' : ` (source ${printable(key.source)})`;
  const attempts = countOf(attemptCount, 'attempt');
  return `${printable(key.key)}${source}, chunk ${ordinal + 1}, ${attempts}: ${printable(lastError)}`;
}
