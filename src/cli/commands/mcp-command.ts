import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';

interface McpCommandOptions {
  readonly start?: boolean;
  readonly readOnly?: boolean;
}

const HELP = `
For programs that use language models: they start this command and talk to it over standard input and output. Tools: search,
list_datasets, dataset_status, check, index, rebuild, start, stop, pause, resume. With --read-only there are the first four.

It works beside a worker of another process as long as it only looks; whatever writes needs the lease.

In the configuration of such a program:
  { "mcpServers": { "syncline": { "command": "syncline", "args": ["mcp", "--data-dir", "/var/lib/syncline"] } } }

Examples:
  syncline mcp --read-only
  syncline mcp --start --data-dir data
`;

export function addMcpCommand(program: Command, run: RunCommand): void {
  program
    .command('mcp')
    .summary('serve the Model Context Protocol over standard input and output')
    .description('Serves the Model Context Protocol over standard input and output.')
    .option('--start', 'start the worker at once')
    .option('--read-only', 'only tools that change nothing')
    .addHelpText('after', HELP)
    .action((options: McpCommandOptions, command: Command) =>
      run(command, (context) => mcp(context, options)),
    );
}

function mcp(
  context: CommandContext,
  { start = false, readOnly = false }: McpCommandOptions,
): Promise<ExitCode> {
  return context.withRuntime(readOnly ? 'readOnly' : 'create', async (runtime) => {
    const { serveMcpOverStdio } = await import('../../mcp/serve-stdio.ts');
    if (start) await runtime.start();
    await serveMcpOverStdio(runtime, readOnly ? 'read' : 'write', context.signal);
    return EXIT.ok;
  });
}
