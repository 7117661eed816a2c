import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { SynclineError } from '../../domain/errors.ts';
import { parseSourceDefinition, type SourceDefinition } from '../../index.ts';
import { describeSource } from '../describe-dataset.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { printable } from '../printable.ts';
import { declaresSource, refuseDeclared } from '../refuse-declared.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';

const HELP = `
A source is where documents come from: a database, a folder, a file. "syncline index" reads it. Secrets stand in a definition as
{"env": "NAME"}, never as they are. Sources can stand in syncline.config.ts as well.

Examples:
  syncline source add shop/orders '{"kind": "jsonl", "name": "erp", "path": "orders.jsonl"}'
  syncline source add shop/orders source.json
  syncline source list shop/orders
  syncline source remove shop/orders erp
`;

export function addSourceCommand(program: Command, run: RunCommand): void {
  const parent = program
    .command('source')
    .summary('manage the sources of a dataset')
    .description('Stores, lists and forgets the sources of a dataset.')
    .addHelpText('after', HELP);
  parent
    .command('add')
    .summary('store a source, or another definition of one')
    .description('Stores a source with a dataset, which is created when there is none.')
    .argument('<dataset>', 'project/dataset')
    .argument('<definition>', 'JSON, or the name of a file with it')
    .addHelpText('after', HELP)
    .action((dataset: string, definition: string, _: object, command: Command) =>
      run(command, (context) => addSource(context, dataset, definition)),
    );
  parent
    .command('list')
    .summary('list sources')
    .description('Lists the sources of a dataset, with how far each was read.')
    .argument('<dataset>', 'project/dataset')
    .addHelpText('after', HELP)
    .action((dataset: string, _: object, command: Command) =>
      run(command, (context) => listSources(context, dataset)),
    );
  parent
    .command('remove')
    .summary('forget a source')
    .description('Forgets a source; its documents stay.')
    .argument('<dataset>', 'project/dataset')
    .argument('<name>', 'name of the source')
    .addHelpText('after', HELP)
    .action((dataset: string, name: string, _: object, command: Command) =>
      run(command, (context) => removeSource(context, dataset, name)),
    );
}

async function addSource(context: CommandContext, address: string, text: string): Promise<ExitCode> {
  const definition = await readDefinition(text);
  await refuseDeclaredSource(context, address, definition.name);
  return context.withRuntime('create', async (runtime) => {
    const dataset = runtime.dataset(address);
    await dataset.describe().catch(async () => {
      await dataset.create();
      context.output.note(`Embedder of ${address}, which is new: ${runtime.embedderReason}.`);
    });
    await dataset.setSources([definition], { keepOthers: true });
    context.output.value({ dataset: address, source: definition });
    context.output.answer(
      `${address} is read from ${definition.name}. "syncline index ${address} --full" reads it now.`,
    );
    return EXIT.ok;
  });
}

async function readDefinition(text: string): Promise<SourceDefinition> {
  const json = text.trimStart().startsWith('{') ? text : await readFile(text, 'utf8').catch(() => undefined);
  if (json === undefined)
    throw new SynclineError('INVALID_OPTION', `There is no file "${text}"; give JSON, or a file with it.`);
  try {
    return parseSourceDefinition(JSON.parse(json));
  } catch (error) {
    if (error instanceof SynclineError) throw error;
    throw new SynclineError('INVALID_OPTION', `The definition is no JSON: ${String(error)}.`, {
      cause: error,
    });
  }
}

function listSources(context: CommandContext, address: string): Promise<ExitCode> {
  return context.withRuntime('readOnly', async (runtime) => {
    const sources = await runtime.dataset(address).sources();
    context.output.value({ dataset: address, sources });
    for (const source of sources) context.output.answer(describeSource(source));
    for (const { name } of sources.filter(({ isUndeclared }) => isUndeclared))
      context.output.note(
        `${printable(name)} is stored, but not (or not any more) in your configuration, and goes on being read. If it is not to be: "syncline source remove ${address} ${printable(name)}".`,
      );
    if (sources.length === 0) context.output.note(`${address} has no sources.`);
    return EXIT.ok;
  });
}

function refuseDeclaredSource(context: CommandContext, address: string, name: string): Promise<void> {
  return refuseDeclared(context, address, `The source "${name}"`, (declared) =>
    declaresSource(declared, name),
  );
}

async function removeSource(context: CommandContext, address: string, name: string): Promise<ExitCode> {
  await refuseDeclaredSource(context, address, name);
  return context.withRuntime('change', async (runtime) => {
    await runtime.dataset(address).removeSource(name);
    context.output.value({ dataset: address, removed: name });
    context.output.answer(`${address} is not read from ${name} any more; its documents stay.`);
    return EXIT.ok;
  });
}
