import type { Command } from 'commander';
import type { RunCommand } from '../run-command.ts';
import { addCatalogCheckCommand } from './catalog-check-command.ts';

const HELP = `
Examples:
  syncline catalog check
`;

export function addCatalogCommand(program: Command, run: RunCommand): void {
  const catalog = program
    .command('catalog')
    .summary('check the catalog')
    .description('Checks the catalog.')
    .addHelpText('after', HELP);
  addCatalogCheckCommand(catalog, run);
}
