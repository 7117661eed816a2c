import { Buffer } from 'node:buffer';
import { SynclineError } from '../domain/errors.ts';
import type { EmbedResult } from './embedder.ts';
import { nextTurn } from './next-turn.ts';

/** What the answer has to look like. */
export interface ExpectedAnswer {
  /** Who answered, for messages. */
  readonly provider: string;
  readonly model: string;
  readonly itemCount: number;
  readonly dimensions: number;
}

/** How long the event loop is kept before others get their turn. */
const SLICE_MS = 4;

/**
 * Vectors and charge of a success answer of OpenAI's protocol, in the order of `index`, from base64 (little-endian
 * float32) or plain numbers, whichever the server sent.
 *
 * @throws SynclineError `EMBEDDING_ANSWER_INVALID` unless there is exactly one finite, non-zero vector of the expected length for
 * each of the `itemCount` texts. `details.dimensions` tells the length received where that is what is wrong.
 */
export async function readEmbeddings(answer: unknown, expected: ExpectedAnswer): Promise<EmbedResult> {
  const data = isRecord(answer) ? answer.data : undefined;
  if (!isRecord(answer) || !Array.isArray(data)) throw invalidAnswer(expected, 'it has no list "data"');
  if (data.length !== expected.itemCount) {
    throw invalidAnswer(expected, `it holds ${data.length} vectors for ${expected.itemCount} texts`);
  }
  const vectors: Float32Array[] = new Array(expected.itemCount);
  const seen = new Uint8Array(expected.itemCount);
  let sliceEndMs = performance.now() + SLICE_MS;
  for (const item of data) {
    const index = readIndex(item, seen, expected);
    seen[index] = 1;
    vectors[index] = readVector(isRecord(item) ? item.embedding : undefined, index, expected);
    if (performance.now() < sliceEndMs) continue;
    await nextTurn();
    sliceEndMs = performance.now() + SLICE_MS;
  }
  return { vectors, tokensCharged: readTokensCharged(answer.usage) };
}

/** The error for an answer that cannot be used; `reason` ends the sentence "the answer … cannot be used: …". */
export function invalidAnswer(
  expected: ExpectedAnswer,
  reason: string,
  more: { readonly retryable?: boolean; readonly details?: Readonly<Record<string, unknown>> } = {},
): SynclineError {
  const message = `The answer of ${expected.provider} (model "${expected.model}") cannot be used: ${reason}.`;
  const details = { provider: expected.provider, ...more.details };
  return new SynclineError('EMBEDDING_ANSWER_INVALID', message, {
    retryable: more.retryable ?? false,
    details,
  });
}

function readIndex(item: unknown, seen: Uint8Array, expected: ExpectedAnswer): number {
  const index = isRecord(item) ? item.index : undefined;
  if (typeof index !== 'number' || !Number.isInteger(index)) {
    throw invalidAnswer(expected, 'a vector has no "index", so it is unknown whose it is');
  }
  if (index < 0 || index >= seen.length) {
    throw invalidAnswer(expected, `a vector has the index ${index}, but there are ${seen.length} texts`);
  }
  if (seen[index] === 1) throw invalidAnswer(expected, `two vectors have the index ${index}`);
  return index;
}

function readVector(embedding: unknown, index: number, expected: ExpectedAnswer): Float32Array {
  const vector =
    typeof embedding === 'string'
      ? decodeBase64(embedding, index, expected)
      : copyNumbers(embedding, index, expected);
  let squares = 0;
  for (let at = 0; at < vector.length; at += 1) {
    const value = vector[at] ?? 0;
    squares += value * value;
  }
  // Float32 squares cannot overflow a double: the sum is finite exactly when every number is.
  if (!Number.isFinite(squares))
    throw invalidAnswer(expected, `vector ${index} holds NaN or an infinite number`);
  if (squares === 0) throw invalidAnswer(expected, `vector ${index} is all zero`);
  return vector;
}

/** Decodes straight into the vector's own bytes; every platform that Bun and Deno run on is little-endian. */
function decodeBase64(text: string, index: number, expected: ExpectedAnswer): Float32Array {
  const unpadded = text.endsWith('==') ? text.length - 2 : text.endsWith('=') ? text.length - 1 : text.length;
  checkDimensions(Math.floor((unpadded * 3) / 4) / 4, index, expected);
  const vector = new Float32Array(expected.dimensions);
  const written = Buffer.from(vector.buffer).write(text, 'base64');
  if (written !== vector.byteLength) throw invalidAnswer(expected, `vector ${index} is not valid base64`);
  return vector;
}

function copyNumbers(embedding: unknown, index: number, expected: ExpectedAnswer): Float32Array {
  if (!Array.isArray(embedding))
    throw invalidAnswer(expected, `vector ${index} is neither base64 nor a list`);
  checkDimensions(embedding.length, index, expected);
  const vector = new Float32Array(expected.dimensions);
  for (let at = 0; at < vector.length; at += 1) {
    const value: unknown = embedding[at];
    vector[at] = typeof value === 'number' ? value : Number.NaN;
  }
  return vector;
}

function checkDimensions(dimensions: number, index: number, expected: ExpectedAnswer): void {
  if (dimensions === expected.dimensions) return;
  const reason =
    `vector ${index} has ${dimensions} dimensions instead of ${expected.dimensions}; set "dimensions" to what the ` +
    'model makes, or "sendDimensions" when the model can be asked for another length';
  throw invalidAnswer(expected, reason, { details: { dimensions } });
}

function readTokensCharged(usage: unknown): number | undefined {
  if (!isRecord(usage)) return undefined;
  const tokens = usage.prompt_tokens ?? usage.total_tokens;
  return typeof tokens === 'number' && Number.isSafeInteger(tokens) && tokens >= 0 ? tokens : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
