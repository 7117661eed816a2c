import { Command } from 'commander';
import packageJson from '../../package.json' with { type: 'json' };
import { addAddCommand } from './commands/add-command.ts';
import { addBackfillCommand } from './commands/backfill-command.ts';
import { addBackupCommand } from './commands/backup-command.ts';
import { addBatchCommand } from './commands/batch-command.ts';
import { addCatalogCommand } from './commands/catalog-command.ts';
import { addChangesCommand } from './commands/changes-command.ts';
import { addCheckCommand } from './commands/check-command.ts';
import { addConfigCommand } from './commands/config-command.ts';
import { addCostsCommand } from './commands/costs-command.ts';
import { addDatasetCommand } from './commands/dataset-command.ts';
import { addFailuresCommand } from './commands/failures-command.ts';
import { addIndexCommand } from './commands/index-command.ts';
import { addMaintainCommand } from './commands/maintain-command.ts';
import { addMcpCommand } from './commands/mcp-command.ts';
import { addProvidersCommand } from './commands/providers-command.ts';
import { addRebuildCommand, addRollbackCommand } from './commands/rebuild-command.ts';
import { addRestoreCommand } from './commands/restore-command.ts';
import { addScheduleCommand } from './commands/schedule-command.ts';
import { addSearchCommand } from './commands/search-command.ts';
import { addServeCommand } from './commands/serve-command.ts';
import { addSourceCommand } from './commands/source-command.ts';
import { addStatusCommand } from './commands/status-command.ts';
import { addWatchCommand } from './commands/watch-command.ts';
import { addGlobalOptions } from './global-options.ts';
import type { RunCommand } from './run-command.ts';
import { wrapHelp } from './wrap-help.ts';

const HELP = `
Configuration, of which the later wins ("syncline config" shows it with where each value comes from):
  syncline.config.ts, .js or .json             in the working folder, or where --config or SYNCLINE_CONFIG says
  SYNCLINE_…                                   any setting: SYNCLINE_DATA_DIR, SYNCLINE_EMBEDDER, SYNCLINE_HTTP_PORT, …
  flags                                        and --set NAME=VALUE for settings without a flag of their own

Keys and tokens, by environment alone; each also as …_FILE, the name of a file that holds it:
  SYNCLINE_EMBEDDING_API_KEY, OPENAI_API_KEY   key of the embedding service
  SYNCLINE_API_KEYS, SYNCLINE_READ_KEYS        keys that callers of "serve" have to show
  SYNCLINE_CATALOG_AUTH_TOKEN                  token for a libSQL server

Other variables:
  SYNCLINE_DEBUG=1                             show the stack of an error
  NO_COLOR=1                                   no colours

Exit codes:
  0         done
  1         failed, or a part of the input was not taken in, or a table is out of sync
  2         wrong usage: command, option, address, filter
  3         another worker holds the lease, or took it
  130, 143  stopped by Ctrl-C, by SIGTERM, before it was done

Examples:
  syncline add docs/ README.md                 take documents in and make them searchable
  syncline search how do I configure it        find passages
  syncline status --watch                      see what is done and what waits
  syncline serve                               run the worker in the foreground
`;

const HELP_COLUMNS_MAX = 110;

/** As wide as Commander makes its own part, but not wider than can be read. */
function helpColumns({ isTTY, columns }: NodeJS.WriteStream): number {
  return Math.min((isTTY && columns) || 80, HELP_COLUMNS_MAX);
}

/** The command line: every command, and how each is run. Throws a `CommanderError` instead of ending the process. */
export function createProgram(run: RunCommand): Command {
  const program = new Command('syncline')
    .description('Keeps LanceDB vector tables in line with your data.')
    .version(packageJson.version, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show the help of a command')
    .exitOverride()
    .configureOutput({
      // Errors are told by whoever catches them, in the form that all errors have.
      outputError: () => undefined,
      writeOut: (text) => process.stdout.write(wrapHelp(text, helpColumns(process.stdout))),
      writeErr: (text) => process.stderr.write(wrapHelp(text, helpColumns(process.stderr))),
    })
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', HELP);
  addGlobalOptions(program);
  addServeCommand(program, run);
  addMcpCommand(program, run);
  addAddCommand(program, run);
  addWatchCommand(program, run);
  addIndexCommand(program, run);
  addSourceCommand(program, run);
  addScheduleCommand(program, run);
  addChangesCommand(program, run);
  addBackfillCommand(program, run);
  addCostsCommand(program, run);
  addSearchCommand(program, run);
  addStatusCommand(program, run);
  addProvidersCommand(program, run);
  addFailuresCommand(program, run);
  addCheckCommand(program, run);
  addRebuildCommand(program, run);
  addRollbackCommand(program, run);
  addDatasetCommand(program, run);
  addBatchCommand(program, run);
  addCatalogCommand(program, run);
  addMaintainCommand(program, run);
  addConfigCommand(program, run);
  addBackupCommand(program, run);
  addRestoreCommand(program, run);
  return program;
}
