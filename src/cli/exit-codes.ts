/** What the process ends with; part of what scripts rely on, so a number never changes its meaning. */
export const EXIT = {
  ok: 0,
  /** The command failed, or a part of its input was not taken in. */
  failed: 1,
  /** The command line, or an option in the environment, is wrong. */
  usage: 2,
  /** Another worker holds the lease, or has taken it. */
  leaseElsewhere: 3,
  /** Ctrl-C before the command was done (128 + SIGINT). */
  interrupted: 130,
  /** SIGTERM before the command was done (128 + SIGTERM). */
  terminated: 143,
} as const;

/** One of {@link EXIT}. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Codes of errors whose cause stands on the command line. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  'USAGE',
  'INVALID_OPTION',
  'INVALID_ADDRESS',
  'INVALID_FILTER',
  'INVALID_QUERY',
  'INVALID_FIELD',
  'INVALID_VECTOR',
  'INVALID_SOURCE',
  'INVALID_SCHEDULE',
]);

/** The exit code for an error, by its stable code. */
export function exitCodeFor(code: string): ExitCode {
  if (code === 'LEASE_HELD' || code === 'LEASE_LOST') return EXIT.leaseElsewhere;
  return USAGE_CODES.has(code) ? EXIT.usage : EXIT.failed;
}
