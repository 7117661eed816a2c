import type { Command } from 'commander';
import type { CostEntry, CostsOptions, Syncline } from '../../index.ts';
import { capLines, reachedLines } from '../describe-spend.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatCount, formatUsd } from '../format-values.ts';
import { printable } from '../printable.ts';
import { requireCatalog } from '../require-catalog.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';
import { formatTable, type TableColumn } from '../table.ts';

interface CostsCommandOptions {
  readonly by: string;
  readonly since?: string;
  readonly until?: string;
  readonly dataset?: string;
}

const HELP = `
Every answer of a provider is charged in the catalog, with its vectors. SAVED is what texts would have cost that had a vector
already. A price that is not known is shown as "?"; "+" marks a sum in which some tokens have none. Queries of "syncline search",
which writes nothing, are not among them. A spend cap is told below, and whether it is reached.

Examples:
  syncline costs
  syncline costs --by dataset --since 2026-11-01
  syncline costs --by day,profile --json
`;

export function addCostsCommand(program: Command, run: RunCommand): void {
  program
    .command('costs')
    .summary('show what embedding has cost, and what reuse has saved')
    .description(
      'Shows what embedding has cost, and what reuse has saved, by day (UTC), dataset, profile or mode.',
    )
    .option('--by <what>', 'day, dataset, profile, mode, or several with commas', 'day')
    .option('--since <day>', 'the first day, such as 2026-11-01')
    .option('--until <day>', 'the last day')
    .option('--dataset <dataset>', 'only of this one: project/dataset')
    .addHelpText('after', HELP)
    .action((options: CostsCommandOptions, command: Command) =>
      run(command, (context) =>
        context.withRuntime('readOnly', (runtime) => showCosts(context, runtime, options)),
      ),
    );
}

async function showCosts(
  { output }: CommandContext,
  runtime: Syncline,
  { by, ...options }: CostsCommandOptions,
): Promise<ExitCode> {
  await requireCatalog(runtime);
  const groupings = by.split(',').map((name) => name.trim()) as NonNullable<CostsOptions['by']>;
  const costs = await runtime.costs({ ...options, by: groupings });
  const { spend, worker } = await runtime.status();
  output.value({ costs, spend });
  const heads = groupings.map((name): TableColumn => ({ heading: name.toUpperCase(), align: 'left' }));
  const rows = costs.map((entry) => [
    ...groupings.map((name) => printable(entry[name] ?? '')),
    formatCount(entry.requestCount),
    formatCount(entry.textCount),
    formatCount(entry.tokenCount),
    money(entry.costUsd, entry.unpricedTokenCount),
    formatCount(entry.reusedTextCount),
    money(entry.savedUsd, entry.unpricedReusedTokenCount),
  ]);
  if (rows.length === 0) output.note('Nothing was embedded.');
  else for (const line of formatTable([...heads, ...NUMBERS], rows, output.style.bold)) output.answer(line);
  for (const line of [...capLines(spend), ...reachedLines(spend.held, worker)]) output.answer(line);
  return EXIT.ok;
}

const NUMBERS: readonly TableColumn[] = ['REQUESTS', 'TEXTS', 'TOKENS', 'COST', 'REUSED', 'SAVED'].map(
  (heading) => ({ heading, align: 'right' }),
);

function money(usd: CostEntry['costUsd'], unpricedCount: number): string {
  if (usd === undefined) return '?';
  return `${formatUsd(usd)}${unpricedCount > 0 ? '+' : ''}`;
}
