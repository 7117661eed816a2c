import type { Command } from 'commander';
import { collectText } from './parse-arguments.ts';

/** Gives a command the options that say which files of folders are read; their values are a `FileSelection`. */
export function addSelectionOptions(command: Command): Command {
  return command
    .option('--include <glob>', 'of folders, only files that match; may be repeated', collectText)
    .option('--exclude <glob>', 'of folders, no files and folders that match; may be repeated', collectText)
    .option('--hidden', 'of folders, also names that start with a dot')
    .option('--no-gitignore', 'of folders, also what .gitignore files leave out');
}
