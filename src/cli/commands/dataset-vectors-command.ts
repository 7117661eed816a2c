import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import type { TextVector } from '../../index.ts';
import { readTextVectors } from '../../readers/read-text-vectors.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { formatCount } from '../format-values.ts';
import { parseCount } from '../parse-arguments.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';

const TEXTS_HELP = `
One JSON object a line: text, textHash (SHA-256), tokenCount, hasVector. The texts are exactly what is embedded, each distinct one
once. For another model than the dataset's, name it: --embedder, --model, --dimensions.

Examples:
  syncline dataset texts site/docs > texts.jsonl
  syncline dataset texts site/docs --model text-embedding-3-large --missing > to-embed.jsonl
`;

const IMPORT_HELP = `
Takes JSON Lines of {"text": "…", "vector": [0.1, …]}, from a file or from "-", and stores each vector under the hash of its text:
such a text is never sent to a provider. A text that has a vector keeps it. The model is the dataset's, or the one that
--embedder, --model and --dimensions name.

Examples:
  syncline dataset import-vectors site/docs vectors.jsonl --model text-embedding-3-large
  my-export | syncline dataset import-vectors site/docs -
`;

interface TextsCommandOptions {
  readonly missing?: boolean;
  readonly tokensPerChunk?: number;
}

export function addDatasetTextsCommand(parent: Command, run: RunCommand): void {
  parent
    .command('texts')
    .summary('list the texts of a dataset as they are embedded')
    .description('Writes the distinct texts of a dataset as JSON Lines.')
    .argument('<name>', 'project/dataset')
    .option('--missing', 'only those without a vector')
    .option('--tokens-per-chunk <number>', "as if it were cut so (default: the dataset's)", parseCount)
    .addHelpText('after', TEXTS_HELP)
    .action((name: string, options: TextsCommandOptions, command: Command) =>
      run(command, (context) => listTexts(context, name, options)),
    );
}

export function addDatasetImportVectorsCommand(parent: Command, run: RunCommand): void {
  parent
    .command('import-vectors')
    .summary('store vectors that you already have')
    .description('Stores vectors of texts, so that these are not embedded again.')
    .argument('<name>', 'project/dataset')
    .argument('<file>', 'JSON Lines, or "-" for standard input')
    .addHelpText('after', IMPORT_HELP)
    .action((name: string, file: string, _: unknown, command: Command) =>
      run(command, (context) => importVectors(context, name, file)),
    );
}

function listTexts(
  context: CommandContext,
  name: string,
  { missing = false, tokensPerChunk }: TextsCommandOptions,
): Promise<ExitCode> {
  return context.withRuntime('readOnly', async (runtime) => {
    const texts = runtime.dataset(name).texts({
      missingOnly: missing,
      signal: context.signal,
      ...namedEmbedder(context),
      ...(tokensPerChunk !== undefined && { tokensPerChunkMax: tokensPerChunk }),
    });
    for await (const text of texts) await context.output.streamLine(JSON.stringify(text));
    return EXIT.ok;
  });
}

function importVectors(context: CommandContext, name: string, file: string): Promise<ExitCode> {
  const { output, signal } = context;
  return context.withRuntime('change', async (runtime) => {
    const dataset = runtime.dataset(name);
    const bytes: AsyncIterable<Uint8Array> = file === '-' ? process.stdin : createReadStream(file);
    const vectors: AsyncIterable<TextVector> = readTextVectors(bytes, file);
    const result = await dataset.importVectors(vectors, { signal, ...namedEmbedder(context) });
    output.value({ dataset: dataset.address, ...result });
    if (!output.quiet) {
      const { readCount, storedCount, profile } = result;
      output.answer(
        `${dataset.address}: ${formatCount(storedCount)} of ${formatCount(readCount)} vectors stored for ${profile}${storedCount < readCount ? '; the others were there' : ''}.`,
      );
    }
    return EXIT.ok;
  });
}

/** The embedder that the command line names, if it names one. */
function namedEmbedder(context: CommandContext): { readonly embedder?: 'runtime' } {
  return context.namesEmbedder ? { embedder: 'runtime' } : {};
}
