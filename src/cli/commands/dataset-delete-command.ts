import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import { SynclineError } from '../../domain/errors.ts';
import type { DatasetStatus } from '../../index.ts';
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
  const canAsk = process.stdin.isTTY === true && process.stderr.isTTY === true && !output.json;
  if (!yes && !canAsk) {
    throw new SynclineError('INVALID_OPTION', `Deleting "${name}" cannot be undone; give --yes to do it.`);
  }
  if (!yes) {
    const status = await context.withRuntime('readOnly', (runtime) => runtime.dataset(name).status());
    if (!(await isConfirmed(status, context.signal))) {
      output.note('Nothing was deleted.');
      return EXIT.failed;
    }
  }
  return context.withRuntime('readWrite', async (runtime) => {
    const dataset = runtime.dataset(name);
    await dataset.delete();
    output.value({ dataset: dataset.address, deleted: true });
    if (!output.quiet) output.answer(`${dataset.address} is deleted.`);
    return EXIT.ok;
  });
}

async function isConfirmed({ address, counts }: DatasetStatus, signal: AbortSignal): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const question = `Delete ${address} with ${countOf(counts.documents, 'document')}? This cannot be undone. [y/N] `;
  // The terminal takes Ctrl-C and Ctrl-D for itself while it asks.
  const left = new AbortController();
  terminal.on('SIGINT', () => left.abort());
  terminal.on('close', () => left.abort());
  try {
    const answer = await terminal.question(question, { signal: AbortSignal.any([signal, left.signal]) });
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    if (!left.signal.aborted) throw error;
    process.stderr.write('\n');
    return false;
  } finally {
    terminal.close();
  }
}
