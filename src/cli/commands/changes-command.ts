import type { Command } from 'commander';
import type { RefusedChange } from '../../index.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { countOf, formatTime } from '../format-values.ts';
import { parseCount } from '../parse-arguments.ts';
import { printable } from '../printable.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';

const PAGE_LENGTH = 100;

const HELP = `
What a program tells to have changed is read at once. Where that would delete most of a source, the changes are set aside, and everything
after them is read; "syncline status" names how many wait. Look whether the source is in order, then do them, or drop them.

Examples:
  syncline changes list shop/orders
  syncline index shop/orders --allow-mass-deletion          does them
  syncline changes drop shop/orders                         forgets them; nothing is deleted
`;

export function addChangesCommand(program: Command, run: RunCommand): void {
  const parent = program
    .command('changes')
    .summary('list or drop changes that were set aside')
    .description('Lists and drops changes that were set aside, as they would have deleted too much at once.')
    .addHelpText('after', HELP);
  parent
    .command('list')
    .summary('list changes that were set aside')
    .description('Lists the changes that were set aside, in the order in which they were told.')
    .argument('<dataset>', 'project/dataset')
    .option('-n, --limit <number>', 'most changes to list', parseCount, PAGE_LENGTH)
    .addHelpText('after', HELP)
    .action((dataset: string, { limit }: { readonly limit: number }, command: Command) =>
      run(command, (context) => listChanges(context, dataset, limit)),
    );
  parent
    .command('drop')
    .summary('forget changes that were set aside')
    .description('Forgets the changes that were set aside; nothing is deleted for them.')
    .argument('<dataset>', 'project/dataset')
    .addHelpText('after', HELP)
    .action((dataset: string, _: object, command: Command) =>
      run(command, (context) => dropChanges(context, dataset)),
    );
}

function listChanges(context: CommandContext, address: string, limit: number): Promise<ExitCode> {
  const { output } = context;
  return context.withRuntime('readOnly', async (runtime) => {
    const changes: RefusedChange[] = [];
    let after: string | undefined;
    do {
      const page = await runtime.dataset(address).refusedChanges({
        limit: Math.min(PAGE_LENGTH, limit - changes.length),
        ...(after !== undefined && { after }),
      });
      for (const change of page.items) output.answer(describe(change));
      changes.push(...page.items);
      after = page.next;
    } while (after !== undefined && changes.length < limit);
    output.value({ dataset: address, changes });
    if (changes.length === 0) output.note(`${address}: no change was set aside.`);
    else if (after !== undefined) output.note(`These are the first ${limit}; see more with --limit.`);
    return EXIT.ok;
  });
}

function dropChanges(context: CommandContext, address: string): Promise<ExitCode> {
  return context.withRuntime('change', async (runtime) => {
    const { droppedCount } = await runtime.dataset(address).dropRefusedChanges();
    context.output.value({ dataset: address, droppedCount });
    context.output.answer(`${address}: ${countOf(droppedCount, 'change')} dropped.`);
    return EXIT.ok;
  });
}

function describe({ table, id, refusedAtMs }: RefusedChange): string {
  const shown = typeof id === 'object' ? JSON.stringify(id) : String(id);
  return `${printable(table)}:${printable(shown)}, set aside ${formatTime(refusedAtMs)}`;
}
