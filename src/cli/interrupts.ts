import { SynclineError } from '../domain/errors.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';

/** The wish to stop, from Ctrl-C, SIGTERM, SIGHUP, or a reader that went away. */
export interface Interrupts {
  /** Aborted with `ABORTED` at the first wish; the second ends the process at once. */
  readonly signal: AbortSignal;
  /** What a command that was cut short ends with; `undefined` while nobody wished it to stop. */
  exitCode(): ExitCode | undefined;
  /** Nobody can read the answer any more: stop, and end with this code. */
  readerGone(code: ExitCode): void;
  /** Lets signals do what they do by default. */
  dispose(): void;
}

const SIGNALS = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: EXIT.terminated } as const;

/** Listens for signals; `onForced` is called right before the second one ends the process. */
export function listenForInterrupts({ onForced }: { readonly onForced: () => void }): Interrupts {
  const abort = new AbortController();
  let exitCode: ExitCode | undefined;
  const onSignal = (name: NodeJS.Signals): void => {
    // The one place that ends the process by force: it was asked for twice.
    if (exitCode !== undefined) {
      onForced();
      process.exit(EXIT.interrupted);
    }
    exitCode = name === 'SIGINT' ? SIGNALS.SIGINT : SIGNALS.SIGTERM;
    abort.abort(new SynclineError('ABORTED', `Stopped by ${name}; what was taken in so far is kept.`));
  };
  const names = Object.keys(SIGNALS) as (keyof typeof SIGNALS)[];
  for (const name of names) process.on(name, onSignal);
  return {
    signal: abort.signal,
    exitCode: () => exitCode,
    readerGone(code) {
      exitCode ??= code;
      abort.abort(new SynclineError('ABORTED', 'The reader of the output has gone away.'));
    },
    dispose() {
      for (const name of names) process.off(name, onSignal);
    },
  };
}
