import type { Command } from 'commander';
import { providerLines } from '../describe-providers.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { CommandContext, RunCommand } from '../run-command.ts';

const HELP = `
The worker notes in the catalog how each provider stands that it sends texts to, whenever that changes: available;
throttled (it wants fewer requests, or failed in a way that may pass); unavailable (it fails, and is left alone until the
next try); probing (one request finds out whether it is back). While it fails no text is charged an attempt, and work goes
on by itself when it is back. Only looks, and takes no lease.

Examples:
  syncline providers
  syncline providers --json
`;

export function addProvidersCommand(program: Command, run: RunCommand): void {
  program
    .command('providers')
    .summary('show how the embedding providers stand, and why')
    .description(
      'Shows how the embedding providers stand that texts are sent to: state, reason and next try.',
    )
    .addHelpText('after', HELP)
    .action((_: unknown, command: Command) => run(command, showProviders));
}

function showProviders({ output, withRuntime }: CommandContext): Promise<ExitCode> {
  return withRuntime('readOnly', async (runtime) => {
    const { providers } = await runtime.status();
    output.value({ providers });
    if (providers.length === 0) output.note('No provider was asked for anything lately.');
    else for (const line of providerLines(providers, output.style, Date.now())) output.answer(line);
    return EXIT.ok;
  });
}
