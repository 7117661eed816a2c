import { SynclineError } from '../domain/errors.ts';

/** The environment that secrets are read from, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A value that stands in an environment variable, so that it is stored and shown nowhere. */
export interface EnvironmentReference {
  /** Name of the variable. */
  readonly env: string;
}

/**
 * The value that is referred to.
 *
 * @throws SynclineError `INVALID_SOURCE` when the variable is not set.
 */
export function readReference(
  sourceName: string,
  reference: EnvironmentReference,
  environment: Environment,
): string {
  const value = environment[reference.env];
  if (value === undefined || value === '') {
    throw new SynclineError(
      'INVALID_SOURCE',
      `The source "${sourceName}" reads the environment variable ${reference.env}, which is not set. Set it where Syncline runs.`,
      { details: { source: sourceName, variable: reference.env } },
    );
  }
  return value;
}
