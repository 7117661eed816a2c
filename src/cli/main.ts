#!/usr/bin/env bun
import { type Command, CommanderError } from 'commander';
import { createProgram } from './create-program.ts';
import { EXIT } from './exit-codes.ts';
import { formatError } from './reported-error.ts';
import { runCommand } from './run-command.ts';

const args = process.argv.slice(2);
let isCommandRunning = false;
const program = createProgram((...parts) => {
  isCommandRunning = true;
  return runCommand(...parts);
});
// Help is read through "| head", too. A running command tells of lost output itself.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE' || isCommandRunning) return;
  process.exitCode = EXIT.failed;
  process.stderr.write(
    `${formatError('OUTPUT_FAILED', `The answer cannot be written: ${error.message}.`)}\n`,
  );
});
try {
  await program.parseAsync(args, { from: 'user' });
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = endOfParsing(error);
  else ignoreGoneReader(error);
}

/** Throws whatever is not the end of the program that reads the output. */
function ignoreGoneReader(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
}

/** Help and version were asked for and given; everything else is wrong usage. */
function endOfParsing({ code, message }: CommanderError): number {
  if (code === 'commander.helpDisplayed' || code === 'commander.version') return EXIT.ok;
  // No command was given, and the help was shown; or "help" was asked for by name.
  if (code === 'commander.help') return args.includes('help') ? EXIT.ok : EXIT.usage;
  const text = message
    .replace(/^error: /, '')
    .replaceAll('\n', ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
  const told = `${text}${/[.?)]$/.test(text) ? '' : '.'} See "${commandName()} --help".`;
  if (args.includes('--json')) {
    process.stdout.write(`${JSON.stringify({ error: { code: 'USAGE', message: told, details: {} } })}\n`);
  }
  process.stderr.write(`${formatError('USAGE', told)}\n`);
  return EXIT.usage;
}

/** The command that was meant, as far as it is known: `syncline dataset create`. */
function commandName(): string {
  let command: Command = program;
  const names = [program.name()];
  for (const arg of args) {
    const next = command.commands.find((candidate) => candidate.name() === arg);
    if (next === undefined) continue;
    command = next;
    names.push(next.name());
  }
  return names.join(' ');
}
