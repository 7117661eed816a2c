import { type Command, Option } from 'commander';
import type { EmbedderOptions, SynclineOptions } from '../index.ts';
import { parseCount } from './parse-arguments.ts';

/** Options that every command has. */
export interface GlobalOptions {
  readonly dataDir?: string;
  readonly catalogUrl?: string;
  readonly vectorsUri?: string;
  readonly embedder?: 'local' | 'openai';
  readonly model?: string;
  readonly dimensions?: number;
  readonly baseUrl?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Declares {@link GlobalOptions}. Keys and tokens are no options: a command line is seen by every user of the machine. */
export function addGlobalOptions(program: Command): void {
  program
    .addOption(
      new Option('--data-dir <folder>', 'folder of catalog and tables (default: ".syncline")').env(
        'SYNCLINE_DATA_DIR',
      ),
    )
    .addOption(
      new Option('--catalog-url <url>', 'catalog elsewhere: a file, or a libSQL server').env(
        'SYNCLINE_CATALOG_URL',
      ),
    )
    .addOption(new Option('--vectors-uri <folder>', 'tables elsewhere').env('SYNCLINE_VECTORS_URI'))
    .addOption(
      new Option(
        '--embedder <name>',
        'embedder of new datasets (default: by environment, else local)',
      ).choices(['local', 'openai']),
    )
    .option('--model <name>', 'embedding model')
    .option('--dimensions <number>', 'length of the vectors', parseCount)
    .option('--base-url <url>', 'OpenAI-compatible server (Ollama, vLLM, TEI, LM Studio, …)')
    .option('--json', 'JSON on stdout, one document (serve and status --watch: one per line)')
    .option('-q, --quiet', 'no progress and no summaries; errors and answers only');
}

/** The runtime's options, from the command line and the environment. */
export function toRuntimeOptions(
  options: GlobalOptions,
  access: 'readWrite' | 'readOnly',
  environment: NodeJS.ProcessEnv,
): SynclineOptions {
  const { dataDir, catalogUrl, vectorsUri } = options;
  const catalogAuthToken = environment.SYNCLINE_CATALOG_AUTH_TOKEN;
  const embedder = embedderOptions(options);
  return {
    access,
    environment,
    ...(dataDir && { dataDir }),
    ...(catalogUrl && { catalogUrl }),
    ...(vectorsUri && { vectorsUri }),
    ...(catalogAuthToken && { catalogAuthToken }),
    ...(embedder && { embedder }),
  };
}

function embedderOptions({
  embedder,
  model,
  dimensions,
  baseUrl,
}: GlobalOptions): EmbedderOptions | undefined {
  const options: EmbedderOptions = {
    ...(embedder !== undefined && { provider: embedder }),
    ...(model !== undefined && { model }),
    ...(dimensions !== undefined && { dimensions }),
    ...(baseUrl !== undefined && { baseUrl }),
  };
  return Object.keys(options).length === 0 ? undefined : options;
}
