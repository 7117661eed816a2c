import picomatch from 'picomatch';
import { SynclineError } from '../domain/errors.ts';

/** Whether a path, or a folder that it is in, matches one of some patterns. */
export type Globs = (key: string) => boolean;

const PATTERNS_MAX = 1_000;
const PATTERN_LENGTH_MAX = 1_000;

/**
 * Compiles glob patterns for paths with forward slashes below a folder. A pattern without a slash is for names at any depth
 * (`*.md`), one with a slash for paths from the folder (`docs/*.md`); one that matches a folder matches everything in it.
 *
 * @param option Named in errors.
 * @throws SynclineError `INVALID_OPTION`.
 */
export function compileGlobs(option: string, patterns: readonly string[]): Globs {
  if (patterns.length > PATTERNS_MAX) throw invalidPattern(option, `has more than ${PATTERNS_MAX} patterns`);
  const matchers = patterns.map((pattern) => compile(option, pattern));
  return (key) => {
    for (let end = key.length; end !== -1; end = key.lastIndexOf('/', end - 1)) {
      const path = key.slice(0, end);
      const name = path.slice(path.lastIndexOf('/') + 1);
      if (matchers.some(({ isForNames, matches }) => matches(isForNames ? name : path))) return true;
      if (end === 0) break;
    }
    return false;
  };
}

interface Matcher {
  readonly isForNames: boolean;
  readonly matches: (path: string) => boolean;
}

function compile(option: string, given: string): Matcher {
  const shown = String(given).slice(0, 80);
  if (typeof given !== 'string' || given.length > PATTERN_LENGTH_MAX)
    throw invalidPattern(
      option,
      `needs patterns of at most ${PATTERN_LENGTH_MAX} characters, not "${shown}"`,
    );
  if (given.startsWith('!'))
    throw invalidPattern(option, `has the pattern "${shown}"; to leave files out, use exclude`);
  const pattern = given.replace(/^\.\//, '').replace(/\/+$/, '');
  // "/docs" is "docs" from the folder itself.
  const fromRoot = pattern.startsWith('/') ? pattern.slice(1) : pattern;
  if (fromRoot === '') throw invalidPattern(option, `has the pattern "${shown}", which names nothing`);
  if (fromRoot.split('/').includes('..'))
    throw invalidPattern(option, `has the pattern "${shown}", which leads out of the folder`);
  try {
    return { isForNames: !pattern.includes('/'), matches: picomatch(fromRoot, { dot: true }) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw invalidPattern(option, `has the pattern "${shown}", which is no glob (${reason})`);
  }
}

function invalidPattern(option: string, reason: string): SynclineError {
  return new SynclineError('INVALID_OPTION', `The option ${option} ${reason}.`, { details: { option } });
}
