import { Buffer } from 'node:buffer';

/** What is wrong with an answer that is otherwise right. */
export type Defect =
  | 'too-few'
  | 'too-many'
  | 'wrong-dimension'
  | 'nan'
  | 'infinity'
  | 'zero'
  | 'duplicate-index'
  | 'missing-index'
  | 'foreign-index'
  | 'reversed'
  | 'no-usage'
  | 'null-number'
  | 'bad-base64';

/** What to answer. */
export interface AnswerOrder {
  readonly texts: readonly string[];
  readonly model: unknown;
  readonly dimensions: number;
  readonly useBase64: boolean;
  readonly tokens: number;
  readonly defect: Defect | undefined;
}

interface AnswerItem {
  object: 'embedding';
  index?: number;
  embedding: unknown;
}

/** The body of a success answer of OpenAI's protocol. */
export function makeAnswer(order: AnswerOrder): unknown {
  const { texts, dimensions, useBase64, tokens, defect, model } = order;
  const items = texts.map((text, index): AnswerItem => {
    const vector = standInVector(text, defect === 'wrong-dimension' ? dimensions + 1 : dimensions);
    if (index === 0) spoilVector(vector, defect);
    const embedding = useBase64 ? Buffer.from(vector.buffer).toString('base64') : Array.from(vector);
    return { object: 'embedding', index, embedding };
  });
  spoilItems(items, defect);
  const usage = { prompt_tokens: tokens, total_tokens: tokens };
  return { object: 'list', data: items, model, ...(defect === 'no-usage' ? {} : { usage }) };
}

function spoilVector(vector: Float32Array, defect: Defect | undefined): void {
  if (defect === 'nan') vector[0] = Number.NaN;
  if (defect === 'infinity') vector[0] = Number.POSITIVE_INFINITY;
  if (defect === 'zero') vector.fill(0);
}

function spoilItems(items: AnswerItem[], defect: Defect | undefined): void {
  const first = items[0];
  const last = items.at(-1);
  if (first === undefined || last === undefined) return;
  if (defect === 'too-few') items.pop();
  if (defect === 'too-many') items.push({ ...last, index: items.length });
  if (defect === 'duplicate-index') last.index = 0;
  if (defect === 'missing-index') delete first.index;
  if (defect === 'foreign-index') last.index = items.length + 7;
  if (defect === 'reversed') items.reverse();
  if (defect === 'null-number')
    first.embedding = Array.isArray(first.embedding) ? spoilList(first.embedding) : [];
  if (defect === 'bad-base64' && typeof first.embedding === 'string') {
    first.embedding = `!!!!${first.embedding.slice(4)}`;
  }
}

function spoilList(numbers: unknown[]): unknown[] {
  return [null, ...numbers.slice(1)];
}

/** The vector that the stand-in gives `text`: a pseudo-random direction, L2-normalised; equal for equal texts only. */
export function standInVector(text: string, dimensions: number): Float32Array<ArrayBuffer> {
  let seed = 0x811c9dc5 | 0;
  for (let at = 0; at < text.length; at += 1) seed = Math.imul(seed ^ text.charCodeAt(at), 0x01000193);
  const vector = new Float32Array(dimensions);
  let squares = 0;
  for (let at = 0; at < dimensions; at += 1) {
    // Mulberry32: one multiplication-heavy step per number, good enough for directions.
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    const value = (mixed ^ (mixed >>> 14)) / 0x80000000;
    vector[at] = value;
    squares += value * value;
  }
  const scale = 1 / Math.sqrt(squares);
  for (let at = 0; at < dimensions; at += 1) vector[at] = (vector[at] ?? 0) * scale;
  return vector;
}

/** The stand-in's idea of a token: 4 UTF-8 bytes, begun ones counted. */
export function countTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text, 'utf8') / 4);
}
