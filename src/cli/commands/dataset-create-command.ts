import type { Command } from 'commander';
import type { FieldType } from '../../domain/fields.ts';
import type { CreateDatasetOptions } from '../../index.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { collectField, parseCount } from '../parse-arguments.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';

interface CreateOptions {
  readonly field?: Readonly<Record<string, FieldType>>;
  readonly tokensPerChunk?: number;
}

const HELP = `
Only needed for fields to filter by, or for settings other than the defaults: "syncline add" creates a missing dataset.
Creating one that exists with the same settings does nothing. Types: string, number, integer, boolean, string[].

Examples:
  syncline dataset create site/docs
  syncline dataset create shop/products --field price:number --field tags:string[] --tokens-per-chunk 256
  syncline dataset create wiki/pages --embedder openai --model text-embedding-3-large   (key from the environment)
`;

export function addDatasetCreateCommand(parent: Command, run: RunCommand): void {
  parent
    .command('create')
    .summary('create a dataset')
    .description('Creates a dataset with the embedder that the options or the environment choose.')
    .argument('<name>', 'project/dataset')
    .option('--field <name:type>', 'metadata key to filter by; may be repeated', collectField)
    .option(
      '--tokens-per-chunk <number>',
      'most tokens of one embedded text, 32 to 8191 (default: 512)',
      parseCount,
    )
    .addHelpText('after', HELP)
    .action((name: string, options: CreateOptions, command: Command) =>
      run(command, (context) => create(context, name, options)),
    );
}

function create(context: CommandContext, name: string, options: CreateOptions): Promise<ExitCode> {
  const settings: CreateDatasetOptions = {
    ...(options.field && { fields: options.field }),
    ...(options.tokensPerChunk && { tokensPerChunkMax: options.tokensPerChunk }),
  };
  return context.withRuntime('create', async (runtime) => {
    const dataset = runtime.dataset(name);
    await dataset.create(settings);
    const { address, profile, fields } = await dataset.status();
    context.output.value({ dataset: address, profile, fields });
    if (!context.output.quiet) context.output.answer(`${address} is there, embedded by ${profile}.`);
    return EXIT.ok;
  });
}
