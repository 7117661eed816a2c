import type { Command } from 'commander';
import type { ReconfigureOptions, ReconfigurePlan, Syncline } from '../../index.ts';
import { isConfirmed, requireYes } from '../confirm.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { countOf, formatCount } from '../format-values.ts';
import { parseCount } from '../parse-arguments.ts';
import { showProgress } from '../progress.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';
import { describeSwitch, expectAll } from './rebuild-command.ts';

interface CommandOptions {
  readonly tokensPerChunk?: number;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

const HELP = `
Changes the model (--embedder, --model, --dimensions, --base-url, or the environment) or how documents are cut. Shows first what
that costs, and asks. Every text is embedded anew beside the present table, which serves until the new one is complete and
is kept afterwards: "syncline rollback" goes back. Cut short, "syncline index" or a worker goes on with it;
"syncline dataset cancel" ends it. With --tokens-per-chunk alone the model stays.

Examples:
  syncline dataset reconfigure site/docs --model text-embedding-3-large --dry-run
  syncline dataset reconfigure site/docs --model text-embedding-3-large --yes
  syncline dataset reconfigure site/docs --tokens-per-chunk 256
`;

const CANCEL_HELP = `
What was embedded for it stays in the catalog: begun again, it is not paid for again.

Examples:
  syncline dataset cancel site/docs
`;

export function addDatasetReconfigureCommand(parent: Command, run: RunCommand): void {
  parent
    .command('reconfigure')
    .summary('change the model of a dataset, or how it is cut')
    .description('Embeds a dataset anew by another model, or in chunks of another size, while it serves.')
    .argument('<name>', 'project/dataset')
    .option('--tokens-per-chunk <number>', 'most tokens of one embedded text, 32 to 8191', parseCount)
    .option('--dry-run', 'only show what it would do and cost')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', HELP)
    .action((name: string, options: CommandOptions, command: Command) =>
      run(command, (context) => reconfigure(context, name, options)),
    );
}

export function addDatasetCancelCommand(parent: Command, run: RunCommand): void {
  parent
    .command('cancel')
    .summary('end a reconfiguration, rebuild or rollback')
    .description('Ends what is being built beside the table that serves.')
    .argument('<name>', 'project/dataset')
    .addHelpText('after', CANCEL_HELP)
    .action((name: string, _: unknown, command: Command) =>
      run(command, ({ withRuntime, output }) =>
        withRuntime('change', async (runtime) => {
          const dataset = runtime.dataset(name);
          const { cancelled } = await dataset.cancelSwitch();
          output.value({ dataset: dataset.address, cancelled });
          if (!output.quiet)
            output.answer(
              cancelled
                ? `${dataset.address}: cancelled; the present table goes on.`
                : `${dataset.address}: nothing is being built.`,
            );
          return EXIT.ok;
        }),
      ),
    );
}

async function reconfigure(
  context: CommandContext,
  name: string,
  options: CommandOptions,
): Promise<ExitCode> {
  const { output, signal } = context;
  const { dryRun = false, yes = false } = options;
  if (!dryRun) requireYes(yes, output, `Reconfiguring "${name}" embeds its texts anew`);
  const wanted = reconfigureOptions(context, options);
  const access = dryRun ? 'readOnly' : 'change';
  return context.withRuntime(access, async (runtime) => {
    const dataset = runtime.dataset(name);
    if (dryRun || !yes) {
      const plan = await dataset.planReconfigure(wanted);
      showPlan(context, plan, dryRun);
      if (dryRun) return EXIT.ok;
      if (!(await isConfirmed('Do that?', signal))) {
        output.note('Nothing was changed.');
        return EXIT.failed;
      }
    }
    return carryOut(context, runtime, name, wanted);
  });
}

function reconfigureOptions(context: CommandContext, { tokensPerChunk }: CommandOptions): ReconfigureOptions {
  return {
    signal: context.signal,
    ...(tokensPerChunk !== undefined && { tokensPerChunkMax: tokensPerChunk }),
    ...(tokensPerChunk !== undefined && !context.namesEmbedder && { embedder: 'dataset' as const }),
  };
}

async function carryOut(
  { output }: CommandContext,
  runtime: Syncline,
  name: string,
  wanted: ReconfigureOptions,
): Promise<ExitCode> {
  const progress = showProgress(output, runtime);
  try {
    const dataset = runtime.dataset(name);
    await expectAll(progress, dataset);
    const { to, switched } = await dataset.reconfigure({ ...wanted, mode: 'sync' });
    output.value({ dataset: dataset.address, to, switched });
    if (!output.quiet && switched !== undefined) output.answer(describeSwitch(dataset.address, switched));
    return EXIT.ok;
  } finally {
    progress.stop();
  }
}

/** The plan is the answer of a dry run, and a note before a question. */
function showPlan({ output }: CommandContext, plan: ReconfigurePlan, isAnswer: boolean): void {
  if (isAnswer) output.value({ ...plan, price: plan.price ?? null });
  for (const line of planLines(plan)) {
    if (isAnswer) output.answer(line);
    else output.note(line);
  }
}

/** A plan for people. */
export function planLines(plan: ReconfigurePlan): string[] {
  const { from, to, price } = plan;
  const known =
    plan.knownTextCount === 0
      ? ''
      : ` (${formatCount(plan.knownTextCount)} more ${plan.knownTextCount === 1 ? 'has' : 'have'} a vector already)`;
  return [
    `${plan.address}: ${countOf(plan.documentCount, 'document')}`,
    `  from   ${from.profile}, chunks of up to ${formatCount(from.tokensPerChunkMax)} tokens`,
    `  to     ${to.profile}, chunks of up to ${formatCount(to.tokensPerChunkMax)} tokens`,
    `  makes  ${countOf(plan.chunkCount, 'chunk')}; ${countOf(plan.textsToEmbedCount, 'text')} to embed${known}`,
    `  costs  ${countOf(plan.tokensToEmbedCount, 'token')}; ${describePrice(price)}`,
  ];
}

function describePrice(price: ReconfigurePlan['price']): string {
  if (price === undefined) return 'what the provider takes for them is not known here';
  const { totalUsd, usdPerMillionTokens, source, asOf } = price;
  if (usdPerMillionTokens === 0) return `free: ${source}`;
  return `$${totalUsd.toFixed(totalUsd < 1 ? 4 : 2)} at $${usdPerMillionTokens} per million tokens (${source}, ${asOf})`;
}
