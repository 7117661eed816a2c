import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import type { Command } from 'commander';
import { isSynclineError, SynclineError } from '../../domain/errors.ts';
import { type Dataset, type FileSelection, folderSource, type Syncline } from '../../index.ts';
import { DEFAULT_DATASET } from '../default-dataset.ts';
import type { ExitCode } from '../exit-codes.ts';
import { addSelectionOptions } from '../file-selection.ts';
import { workInForeground } from '../foreground-worker.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';

interface WatchOptions extends FileSelection {
  readonly dataset: string;
  readonly source?: string;
  readonly polling?: boolean;
}

const HELP = `
Stores the folder as a source of the dataset, indexes it, and then what changes in it, until it is told to stop. It is a worker, as "serve" is:
there is one per catalog, and "serve" watches the folder from then on, too. Files that are gone are removed from the dataset.

Documents have the path below the folder as their key, and the source's name (by default the folder's) as their source.

Examples:
  syncline watch docs/
  syncline watch ~/notes --dataset me/notes --include "*.md" --exclude drafts
`;

export function addWatchCommand(program: Command, run: RunCommand): void {
  const command = program
    .command('watch')
    .summary('keep a dataset in line with a folder until told to stop')
    .description('Indexes a folder, and what changes in it, until it is told to stop.')
    .argument('<folder>', 'folder to watch')
    .option('-d, --dataset <address>', 'project/dataset to keep in line with it', DEFAULT_DATASET)
    .option('--source <name>', "name of the source (default: the folder's name)")
    .option('--polling', 'look for changes every second, where the file system does not tell of them');
  addSelectionOptions(command)
    .addHelpText('after', HELP)
    .action((folder: string, options: WatchOptions, self: Command) =>
      run(self, (context) =>
        context.withRuntime('create', (runtime) => watch(context, runtime, folder, options)),
      ),
    );
}

async function watch(
  context: CommandContext,
  runtime: Syncline,
  folder: string,
  { dataset: address, source, ...options }: WatchOptions,
): Promise<ExitCode> {
  const { include, exclude, gitignore, hidden, polling } = options;
  const path = resolve(folder);
  await requireFolder(folder, path);
  const name = source ?? sourceNameOf(path);
  const dataset = runtime.dataset(address);
  await createIfMissing(dataset);
  const given = Object.entries({ include, exclude, gitignore, hidden, polling }).filter(
    ([, value]) => value !== undefined,
  );
  const definition = folderSource({ name, path, watch: true, ...Object.fromEntries(given) });
  await dataset.setSources([definition], { keepOthers: true });
  return workInForeground(context, runtime);
}

/** A mistyped name is told before anything is made; a folder that vanishes later is waited for. */
async function requireFolder(named: string, path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) return;
  const reason = found === undefined ? 'it is not there, or may not be looked at' : 'it is a file';
  throw new SynclineError(
    'SOURCE_UNREADABLE',
    `The folder "${named}" cannot be watched: ${reason}. Check the path.`,
    { details: { path } },
  );
}

async function createIfMissing(dataset: Dataset): Promise<void> {
  try {
    await dataset.create();
  } catch (error) {
    if (!isSynclineError(error, 'DATASET_EXISTS')) throw error;
  }
}

/** The folder's name with what a source's name may not have replaced. */
function sourceNameOf(path: string): string {
  const name = basename(path)
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 100);
  return name === '' || name === 'default' ? 'files' : name;
}
