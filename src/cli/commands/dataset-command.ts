import type { Command } from 'commander';
import type { RunCommand } from '../run-command.ts';
import { addDatasetCreateCommand } from './dataset-create-command.ts';
import { addDatasetDeleteCommand } from './dataset-delete-command.ts';
import { addDatasetListCommand } from './dataset-list-command.ts';

const HELP = `
Examples:
  syncline dataset create shop/products --field price:number --field tags:string[]
  syncline dataset list --project shop
  syncline dataset delete shop/products --yes
`;

export function addDatasetCommand(program: Command, run: RunCommand): void {
  const dataset = program
    .command('dataset')
    .summary('create, list and delete datasets')
    .description('Creates, lists and deletes datasets. A dataset is addressed as project/dataset.')
    .addHelpText('after', HELP);
  addDatasetCreateCommand(dataset, run);
  addDatasetListCommand(dataset, run);
  addDatasetDeleteCommand(dataset, run);
}
