import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SynclineError } from '../domain/errors.ts';

/** A key that was made here, and where it is kept. */
export interface GeneratedKey {
  readonly key: string;
  readonly path: string;
  /** Whether it was made just now. */
  readonly isNew: boolean;
}

const KEY_BYTES = 32;
/** Its owner alone may read it. */
const FILE_MODE = 0o600;

/**
 * The key in the file `api-key` of a folder, made when there is none.
 *
 * @throws SynclineError `INVALID_OPTION` when it can be neither read nor written.
 */
export function readOrGenerateKey(dataDir: string): GeneratedKey {
  const path = join(dataDir, 'api-key');
  try {
    mkdirSync(dataDir, { recursive: true });
    const key = randomBytes(KEY_BYTES).toString('hex');
    // Fails when it is there, so that nobody's key is ever replaced.
    writeFileSync(path, `${key}\n`, { mode: FILE_MODE, flag: 'wx' });
    return { key, path, isNew: true };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw unusable(path, error);
  }
  try {
    return { key: readFileSync(path, 'utf8').trim(), path, isNew: false };
  } catch (error) {
    throw unusable(path, error);
  }
}

function unusable(path: string, cause: unknown): SynclineError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SynclineError('INVALID_OPTION', `The key cannot be kept in ${path}: ${reason}.`, {
    cause,
    details: { option: 'http.generateKey' },
  });
}
