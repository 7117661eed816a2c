import type { Command } from 'commander';
import type { RunCommand } from '../run-command.ts';
import { addCatalogCheckCommand } from './catalog-check-command.ts';
import { addCatalogRecoverCommand } from './catalog-recover-command.ts';

const HELP = `
Examples:
  syncline catalog check
  syncline catalog recover
`;

export function addCatalogCommand(program: Command, run: RunCommand): void {
  const catalog = program
    .command('catalog')
    .summary('check the catalog, or make it again from the tables')
    .description('Checks the catalog, or makes it again from what the tables hold.')
    .addHelpText('after', HELP);
  addCatalogCheckCommand(catalog, run);
  addCatalogRecoverCommand(catalog, run);
}
