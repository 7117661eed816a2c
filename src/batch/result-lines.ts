import { isSynclineError } from '../domain/errors.ts';
import { nextTurn } from '../embedders/next-turn.ts';
import type { ResolvedOpenAiOptions } from '../embedders/openai-options.ts';
import { readEmbeddings } from '../embedders/read-embeddings.ts';
import type { BatchResult } from './batch-api.ts';
import { readLines } from './jsonl-lines.ts';

/* What is the same in the results of all providers: lines of JSON, each for one request, most of it numbers. */

const BYTES_PER_LINE_OVERHEAD = 65_536;
/** Room for vectors that are longer than we expect, so that the error can say how long. */
const DIMENSIONS_READ_MIN = 4_096;
/** How long the event loop is kept before others get their turn. */
const SLICE_MS = 4;

/** A line of a request that is waited for. */
export interface ResultLine {
  readonly id: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** Texts of the request. */
  readonly itemCount: number;
}

/** How a provider writes its lines. */
export interface ResultFormat {
  readonly options: ResolvedOpenAiOptions;
  readonly inputsPerRequestMax: number;
  /** A number in JSON with what stands around it, at most. */
  readonly bytesPerNumberMax: number;
  /** The field that has the id of the request. */
  readonly idField: string;
  readonly textsOf: (id: string) => number | undefined;
  readonly read: (line: ResultLine) => Promise<BatchResult> | BatchResult;
}

/** Reads the lines of a file of results, whatever is between them. */
export async function* readResultLines(
  pieces: AsyncIterable<Uint8Array>,
  format: ResultFormat,
): AsyncGenerator<BatchResult> {
  const dimensionsMax = Math.max(format.options.dimensions, DIMENSIONS_READ_MIN);
  const numbersMax = format.inputsPerRequestMax * dimensionsMax;
  let sliceEndMs = performance.now() + SLICE_MS;
  for await (const line of readLines(
    pieces,
    numbersMax * format.bytesPerNumberMax + BYTES_PER_LINE_OVERHEAD,
  )) {
    yield line === undefined
      ? { kind: 'unreadable', message: 'A line is far longer than vectors of that length can be.' }
      : await readLine(line, format);
    if (performance.now() < sliceEndMs) continue;
    await nextTurn();
    sliceEndMs = performance.now() + SLICE_MS;
  }
}

async function readLine(line: string, { idField, textsOf, read }: ResultFormat): Promise<BatchResult> {
  const fields = parse(line);
  const id = isRecord(fields) ? fields[idField] : undefined;
  if (!isRecord(fields) || typeof id !== 'string')
    return { kind: 'unreadable', message: `A line of ${line.length} characters is no result.` };
  const itemCount = textsOf(id);
  if (itemCount === undefined)
    return { kind: 'unknown', message: 'A line names no request that is waited for.' };
  return read({ id, fields, itemCount });
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** The vectors of an answer in the words of OpenAI's protocol; `refused` when they are not what they should be. */
export async function vectorsOf(
  { endpoint, model, dimensions }: ResolvedOpenAiOptions,
  { id, itemCount }: Pick<ResultLine, 'id' | 'itemCount'>,
  answer: unknown,
): Promise<BatchResult> {
  try {
    const expected = { provider: endpoint.provider, model, itemCount, dimensions };
    return { kind: 'vectors', id, ...(await readEmbeddings(answer, expected)) };
  } catch (error) {
    if (!isSynclineError(error)) throw error;
    return { kind: 'refused', id, error };
  }
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
