import { join } from 'node:path';
import { setTimeout } from 'node:timers';
import type { Command } from 'commander';
import { isSynclineError, SynclineError } from '../domain/errors.ts';
import type { Syncline, SynclineOptions } from '../index.ts';
import { type LoadedConfig, loadConfig } from '../runtime/settings/load-config.ts';
import { EXIT, type ExitCode, exitCodeFor } from './exit-codes.ts';
import { type GlobalOptions, settingsOf } from './global-options.ts';
import { listenForInterrupts } from './interrupts.ts';
import { createOutput, type Output } from './output.ts';
import { formatError, type ReportedError, toReportedError } from './reported-error.ts';
import { requireCatalog } from './require-catalog.ts';

/** What a command works with. */
export interface CommandContext {
  readonly output: Output;
  /** Aborted when the user wants the command to stop. */
  readonly signal: AbortSignal;
  /** The configuration in force: file, environment and flags. */
  config(): Promise<LoadedConfig>;
  /** Whether the command line itself names an embedder. */
  readonly namesEmbedder: boolean;
  /** Something that was given up may keep the process alive, such as a source that hangs: it is ended with the command. */
  leaveBehind(): void;
  /** Creates the runtime that the options describe, gives it to the task, and stops it. */
  withRuntime<Result>(access: RuntimeAccess, task: (runtime: Syncline) => Promise<Result>): Promise<Result>;
}

/** `change` needs a catalog to be there; `create` makes one where there is none. */
export type RuntimeAccess = 'readOnly' | 'change' | 'create';

/** The work of a command; what it gives back is the exit code. */
export type CommandTask = (context: CommandContext) => Promise<ExitCode>;

/** Runs a command's work: sets up output and signals, tells errors, sets the exit code. Never throws. */
export type RunCommand = (command: Command, task: CommandTask) => Promise<void>;

/** Time for the last output to get out, in milliseconds. */
const EXIT_GRACE_MS = 300;

/** See {@link RunCommand}. `process.exitCode` is set rather than `process.exit` called, so that all output gets out. */
export const runCommand: RunCommand = async (command, task) => {
  const options: GlobalOptions = command.optsWithGlobals();
  let lostCode: ExitCode | undefined;
  const interrupts = listenForInterrupts({ onForced: () => output.setFootLine(undefined) });
  const output = createOutput({
    json: options.json === true,
    quiet: options.quiet === true,
    environment: process.env,
    onStdoutLost(error) {
      lostCode = error.code === 'EPIPE' ? EXIT.ok : EXIT.failed;
      interrupts.readerGone(lostCode);
      if (lostCode === EXIT.ok) return;
      // The command may be over: output is written behind it.
      process.exitCode = lostCode;
      output.problem(formatError('OUTPUT_FAILED', `The answer cannot be written: ${error.message}.`));
    },
  });
  const flags = settingsOf(command);
  let leavesBehind = false;
  let config: Promise<LoadedConfig> | undefined;
  const context: CommandContext = {
    output,
    signal: interrupts.signal,
    config() {
      config ??= loadConfig({ flags, ...(options.config !== undefined && { file: options.config }) });
      return config;
    },
    leaveBehind() {
      leavesBehind = true;
    },
    namesEmbedder: [...flags.keys()].some((name) => name.startsWith('embedder.')),
    async withRuntime(access, run) {
      const runtimeOptions = {
        ...(await context.config()).options,
        access: access === 'readOnly' ? access : ('readWrite' as const),
      };
      // Help and wrong usage are answered without loading the stores.
      const { createSyncline } = await import('../index.ts');
      await using runtime = createSyncline(runtimeOptions);
      try {
        if (access === 'change') await requireCatalog(runtime);
        return await run(runtime);
      } catch (error) {
        throw withRemedy(error, runtimeOptions);
      }
    },
  };
  try {
    const exitCode = await task(context);
    process.exitCode = lostCode ?? exitCode;
  } catch (thrown) {
    const error = toReportedError(thrown);
    const wasStopped = error.code === 'ABORTED' && interrupts.signal.aborted;
    process.exitCode = (wasStopped ? interrupts.exitCode() : undefined) ?? exitCodeFor(error.code);
    if (!(wasStopped && lostCode !== undefined)) reportError(output, error);
  } finally {
    output.setFootLine(undefined);
    interrupts.dispose();
    if (interrupts.signal.aborted || leavesBehind) exitSoon();
  }
};

/**
 * After an interruption, a read of standard input that never ends would keep Deno alive, and after a source was given up what it
 * waits for; nothing else is left to wait for.
 */
function exitSoon(): void {
  setTimeout(() => process.exit(process.exitCode), EXIT_GRACE_MS).unref();
}

/** A missing catalog is the first thing that a new user meets; the remedy is a command, not a call. */
function withRemedy(error: unknown, { catalogUrl, dataDir = '.syncline' }: SynclineOptions): unknown {
  if (!isSynclineError(error, 'CATALOG_MISSING')) return error;
  const place = catalogUrl ?? join(dataDir, 'catalog.db');
  const message = `There is no catalog at ${place}. Add documents with "syncline add FOLDER", or say with --data-dir where it is.`;
  return new SynclineError(error.code, message, { cause: error, details: error.details });
}

/** One line on stderr, and `{"error": …}` on stdout with `--json`. The stack is shown with `SYNCLINE_DEBUG=1` only. */
function reportError(output: Output, error: ReportedError): void {
  const { code, message, details, stack } = error;
  output.setFootLine(undefined);
  output.value({ error: { code, message, details } });
  output.problem(formatError(code, message));
  if (process.env.SYNCLINE_DEBUG === '1' && stack !== undefined) output.problem(stack);
}
