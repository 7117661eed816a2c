import type { Command } from 'commander';
import type { RunCommand } from '../run-command.ts';
import { addDatasetCreateCommand } from './dataset-create-command.ts';
import { addDatasetDeleteCommand } from './dataset-delete-command.ts';
import { addDatasetListCommand } from './dataset-list-command.ts';
import { addDatasetCancelCommand, addDatasetReconfigureCommand } from './dataset-reconfigure-command.ts';
import { addDatasetImportVectorsCommand, addDatasetTextsCommand } from './dataset-vectors-command.ts';

const HELP = `
Examples:
  syncline dataset create shop/products --field price:number --field tags:string[]
  syncline dataset list --project shop
  syncline dataset reconfigure shop/products --model text-embedding-3-large --dry-run
  syncline dataset delete shop/products --yes
`;

export function addDatasetCommand(program: Command, run: RunCommand): void {
  const dataset = program
    .command('dataset')
    .summary('create, list, change and delete datasets')
    .description('Creates, lists, changes and deletes datasets. A dataset is addressed as project/dataset.')
    .addHelpText('after', HELP);
  addDatasetCreateCommand(dataset, run);
  addDatasetListCommand(dataset, run);
  addDatasetReconfigureCommand(dataset, run);
  addDatasetCancelCommand(dataset, run);
  addDatasetTextsCommand(dataset, run);
  addDatasetImportVectorsCommand(dataset, run);
  addDatasetDeleteCommand(dataset, run);
}
