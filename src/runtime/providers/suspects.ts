import { sha256, toHex } from '../../domain/hash.ts';

/** Requests that are remembered, at most. */
const SUSPECTS_MAX = 100;
/** Failures in a row of one request, while others are answered, before it is called the request's own fault. */
const FAILURES_BEFORE_BLAME = 3;

interface Suspect {
  failures: number;
  /** Answers that the provider had given when it failed first. */
  readonly answersBefore: number;
}

/**
 * Requests that a provider failed to answer. A text that makes a server answer HTTP 500 looks like an outage; it is one when
 * other texts fail as well. So before a request is sent a third time, something else is asked.
 */
export interface Suspects {
  note(texts: readonly string[], answers: number): void;
  /** It failed twice, and nothing else was answered since: it is unknown whose fault that is. */
  needsProof(texts: readonly string[], answers: number): boolean;
  /** It failed again and again while others were answered. */
  isGuilty(texts: readonly string[], answers: number): boolean;
  forget(texts: readonly string[]): void;
}

export function createSuspects(): Suspects {
  const suspects = new Map<string, Suspect>();
  const find = (texts: readonly string[]): Suspect | undefined =>
    // Hashing what may be a megabyte is left out as long as nothing has failed.
    suspects.size === 0 ? undefined : suspects.get(keyOf(texts));
  return {
    note(texts, answers) {
      const key = keyOf(texts);
      const known = suspects.get(key) ?? { failures: 0, answersBefore: answers };
      known.failures += 1;
      suspects.set(key, known);
      const [oldest] = suspects.keys();
      if (suspects.size > SUSPECTS_MAX && oldest !== undefined) suspects.delete(oldest);
    },
    needsProof(texts, answers) {
      const suspect = find(texts);
      return (
        suspect !== undefined &&
        suspect.failures >= FAILURES_BEFORE_BLAME - 1 &&
        suspect.answersBefore === answers
      );
    },
    isGuilty(texts, answers) {
      const suspect = find(texts);
      return (
        suspect !== undefined && suspect.failures >= FAILURES_BEFORE_BLAME && suspect.answersBefore < answers
      );
    },
    forget(texts) {
      if (suspects.size > 0) suspects.delete(keyOf(texts));
    },
  };
}

function keyOf(texts: readonly string[]): string {
  return toHex(sha256(texts.join('\0')));
}
