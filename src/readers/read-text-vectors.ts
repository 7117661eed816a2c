import { SynclineError } from '../domain/errors.ts';
import { splitLines } from './split-lines.ts';

/** Longest line: a text of 8,191 tokens and a vector of 8,192 numbers have room many times over. */
const LINE_BYTES_MAX = 1_048_576;

/**
 * Reads JSON Lines of `{ "text": "…", "vector": [0.1, …] }`. Blank lines are skipped, other fields left aside. Whether a vector
 * is one of the profile is for the import to say.
 *
 * @param path Named in errors.
 * @throws SynclineError `INVALID_VECTOR` with the line at the first that is not of that form.
 */
export async function* readTextVectors(
  bytes: AsyncIterable<Uint8Array>,
  path: string,
): AsyncGenerator<{ readonly text: string; readonly vector: number[] }> {
  let line = 0;
  const invalid = (reason: string, cause?: unknown): SynclineError =>
    new SynclineError('INVALID_VECTOR', `${path}, line ${line}: ${reason}. Lines before it may be stored.`, {
      details: { path, line },
      cause,
    });
  for await (const row of splitLines(bytes, LINE_BYTES_MAX)) {
    line += 1;
    if (row === undefined) throw invalid(`the line is longer than ${LINE_BYTES_MAX} bytes`);
    if (row.every((byte) => byte <= 0x20)) continue;
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(row));
    } catch (error) {
      throw invalid('it is not valid JSON in UTF-8', error);
    }
    const { text, vector } = (value ?? {}) as { readonly text?: unknown; readonly vector?: unknown };
    if (typeof text !== 'string') throw invalid('it needs a "text" that is a string');
    if (!Array.isArray(vector) || !vector.every((number) => typeof number === 'number'))
      throw invalid('it needs a "vector" that is a list of numbers');
    yield { text, vector };
  }
}
