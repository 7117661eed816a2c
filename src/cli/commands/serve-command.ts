import type { Command } from 'commander';
import type { Syncline } from '../../index.ts';
import { DATA_DIR_DEFAULT } from '../../runtime/settings/runtime-settings.ts';
import type { ExitCode } from '../exit-codes.ts';
import { workInForeground } from '../foreground-worker.ts';
import { addServerOptions } from '../global-options.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';
import { serveHttp } from '../serve-http.ts';

const HELP = `
Runs the worker and the HTTP interface in the foreground: takes the lease on the catalog, checks every dataset, does what
waits, and answers requests. There is one worker per catalog; "search" and "status" work beside it, "add" and "index" do not
(exit code 3): send documents over HTTP, or queue with "add --mode async" before.

It listens on this machine only. To listen elsewhere, callers need a key: SYNCLINE_API_KEYS or SYNCLINE_API_KEYS_FILE.

Ctrl-C or SIGTERM ends it with 0: requests are answered, streams closed, and the work under way is finished. A second Ctrl-C ends at
once with 130. When another worker takes the lease over, it ends with 3. --json writes every event as a line of JSON.

Examples:
  syncline serve
  syncline serve --no-http --data-dir /var/lib/syncline --json >> events.jsonl
  SYNCLINE_API_KEYS_FILE=/run/secrets/keys syncline serve --host 0.0.0.0 --port 8080
`;

export function addServeCommand(program: Command, run: RunCommand): void {
  const command = program
    .command('serve')
    .summary('run the worker and the HTTP interface until told to stop')
    .description('Runs the worker and the HTTP interface in the foreground until it is told to stop.');
  addServerOptions(command)
    .addHelpText('after', HELP)
    .action((_options: object, self: Command) =>
      run(self, (context) => context.withRuntime('create', (runtime) => serve(context, runtime))),
    );
}

async function serve(context: CommandContext, runtime: Syncline): Promise<ExitCode> {
  const { options, http: httpConfig } = await context.config();
  const open = () => serveHttp(runtime, httpConfig, options.dataDir ?? DATA_DIR_DEFAULT);
  return workInForeground(context, runtime, open);
}
