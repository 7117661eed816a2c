import type { Command } from 'commander';
import type { BackfillOptions, BackfillPlan, BackfillResult, Syncline } from '../../index.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { countOf, formatCount, formatDuration, formatUsd } from '../format-values.ts';
import { parseCount, parseUsd } from '../parse-arguments.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';
import { showTextProgress } from '../text-progress.ts';

interface BackfillCommandOptions {
  readonly dryRun?: boolean;
  readonly batchSize?: number;
  readonly limit?: number;
  readonly retryFailed?: boolean;
  readonly usdMax?: number;
}

const HELP = `
Goes on where the last one stopped; Ctrl-C loses nothing that was answered. --dry-run tells texts, tokens, price and time, and asks no provider.

Examples:
  syncline backfill site/docs --dry-run
  syncline backfill site/docs --limit 10000 --usd-max 2
  syncline backfill site/docs --retry-failed    also what was given up
`;

export function addBackfillCommand(program: Command, run: RunCommand): void {
  program
    .command('backfill')
    .summary('embed what has no vector')
    .description('Embeds what has no vector in a dataset, all of it or some.')
    .argument('<dataset>', 'project/dataset')
    .option('--dry-run', 'only tell what that is, and what it costs')
    .option('--batch-size <number>', 'texts of one request, at most', parseCount)
    .option('-n, --limit <number>', 'texts, at most', parseCount)
    .option('--retry-failed', 'also chunks that were given up')
    .option('--usd-max <amount>', 'US dollars that it may cost', parseUsd)
    .addHelpText('after', HELP)
    .action((address: string, options: BackfillCommandOptions, command: Command) =>
      run(command, (context) =>
        context.withRuntime(options.dryRun ? 'readOnly' : 'change', (runtime) =>
          options.dryRun
            ? showPlan(context, runtime, address, options)
            : fill(context, runtime, address, options),
        ),
      ),
    );
}

async function showPlan(
  { output }: CommandContext,
  runtime: Syncline,
  address: string,
  options: BackfillOptions,
): Promise<ExitCode> {
  const plan = await runtime.dataset(address).backfill({ ...options, dryRun: true });
  output.value({ ...plan, price: plan.price ?? null, estimatedMs: plan.estimatedMs ?? null });
  for (const line of planLines(plan)) output.answer(line);
  return EXIT.ok;
}

function planLines(plan: BackfillPlan): string[] {
  const { chunkCount, textCount, tokenCount, requestCount, uncutDocumentCount, estimatedMs } = plan;
  const uncut =
    uncutDocumentCount === 0
      ? ''
      : `; ${countOf(uncutDocumentCount, 'document')} still to be cut into chunks`;
  const time =
    estimatedMs === undefined ? 'not known: nothing was embedded lately' : formatDuration(estimatedMs);
  return [
    `${plan.address}: ${countOf(chunkCount, 'chunk')} without a vector${uncut}`,
    `  sends  ${countOf(textCount, 'text')} in ${countOf(requestCount, 'request')}`,
    `  to     ${plan.profile}. ${plan.reason}`,
    `  costs  ${countOf(tokenCount, 'token')}; ${describePrice(plan.price)}`,
    `  takes  ${time}`,
  ];
}

function describePrice(price: BackfillPlan['price']): string {
  if (price === undefined) return 'what the provider takes for them is not known here';
  const { totalUsd, usdPerMillionTokens, source, asOf } = price;
  if (usdPerMillionTokens === 0) return `free: ${source}`;
  return `${formatUsd(totalUsd)} at $${usdPerMillionTokens} per million tokens (${source}, ${asOf})`;
}

async function fill(
  { output, signal }: CommandContext,
  runtime: Syncline,
  address: string,
  options: BackfillOptions,
): Promise<ExitCode> {
  const dataset = runtime.dataset(address);
  const { textCount } = await dataset.backfill({ ...options, dryRun: true });
  const progress = showTextProgress(output, runtime, dataset.address, textCount);
  signal.addEventListener('abort', () => output.note('Stopping; Ctrl-C again stops at once.'), {
    once: true,
  });
  try {
    const result = await dataset.backfill({ ...options, dryRun: false, signal });
    output.value({ dataset: dataset.address, ...result, costUsd: result.costUsd ?? null });
    if (!output.quiet) output.answer(describe(dataset.address, result));
    return EXIT.ok;
  } finally {
    progress.stop();
  }
}

function describe(address: string, result: BackfillResult): string {
  const { embeddedCount, givenUpCount, remainingCount, tokensCharged, costUsd, durationMs } = result;
  const cost = costUsd === undefined ? 'price not known' : formatUsd(costUsd);
  const givenUp = givenUpCount > 0 ? `, ${formatCount(givenUpCount)} given up` : '';
  const left = remainingCount > 0 ? `; ${countOf(remainingCount, 'chunk')} left` : '';
  return `${address}: ${countOf(embeddedCount, 'text')} embedded${givenUp}, ${countOf(tokensCharged, 'token')}, ${cost}, ${formatDuration(durationMs)}${left}.`;
}
