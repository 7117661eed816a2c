import type { Command } from 'commander';
import { isConfirmed, requireYes } from '../confirm.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { countOf } from '../format-values.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';

interface DeleteOptions {
  readonly yes?: boolean;
}

const HELP = `
Asks on a terminal; in a pipe it needs --yes. Embeddings stay in the catalog, because they are paid for: adding the same
texts again embeds nothing.

Examples:
  syncline dataset delete shop/products
  syncline dataset delete shop/products --yes
`;

export function addDatasetDeleteCommand(parent: Command, run: RunCommand): void {
  parent
    .command('delete')
    .summary('delete a dataset')
    .description('Deletes a dataset with its documents and tables.')
    .argument('<name>', 'project/dataset')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', HELP)
    .action((name: string, options: DeleteOptions, command: Command) =>
      run(command, (context) => deleteDataset(context, name, options)),
    );
}

async function deleteDataset(
  context: CommandContext,
  name: string,
  { yes = false }: DeleteOptions,
): Promise<ExitCode> {
  const { output } = context;
  requireYes(yes, output, `Deleting "${name}" cannot be undone`);
  if (!yes) {
    const status = await context.withRuntime('readOnly', (runtime) => runtime.dataset(name).status());
    const documents = countOf(status.counts.documents, 'document');
    const question = `Delete ${status.address} with ${documents}? This cannot be undone.`;
    if (!(await isConfirmed(question, context.signal))) {
      output.note('Nothing was deleted.');
      return EXIT.failed;
    }
  }
  return context.withRuntime('change', async (runtime) => {
    const dataset = runtime.dataset(name);
    await dataset.delete();
    output.value({ dataset: dataset.address, deleted: true });
    if (!output.quiet) output.answer(`${dataset.address} is deleted.`);
    return EXIT.ok;
  });
}
