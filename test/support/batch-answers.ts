import { standInVector } from './embedding-answer.ts';

/** A line of an input file. */
export interface BatchLines {
  readonly custom_id: string;
  readonly body: { readonly model: string; readonly input: string | string[]; readonly dimensions?: number };
}

/** How a job ends. `share`: of its requests that were worked on by then. */
export type BatchOutcome =
  | { readonly kind: 'completed' | 'failed' | 'stuck' | 'allFailed' | 'tokenLimit' }
  | { readonly kind: 'expired' | 'cancelled'; readonly share: number };

/** What is wrong with an output file. */
export type BatchDefect =
  | 'shuffled'
  | 'duplicates'
  | 'foreign'
  | 'malformed'
  | 'nan'
  | 'wrongDimension'
  | 'missing'
  | 'outputGone';

/** The lines of an output file, each made when it is read. */
export function* outputLines(
  requests: readonly BatchLines[],
  { dimensions, defects }: { readonly dimensions: number; readonly defects: ReadonlySet<BatchDefect> },
): Generator<string> {
  const ordered = defects.has('shuffled') ? [...requests].reverse() : requests;
  for (const [index, request] of ordered.entries()) {
    if (defects.has('missing') && index === 0) continue;
    if (defects.has('malformed') && index % 3 === 0) yield '{"id":"batch_req_x","custom_id":"r';
    if (defects.has('malformed') && index % 3 === 1) yield 'null';
    if (defects.has('foreign')) yield outputLine({ ...request, custom_id: `foreign-${index}` }, dimensions);
    const isSpoiled = index === 0 && (defects.has('nan') || defects.has('wrongDimension'));
    const line = outputLine(
      request,
      isSpoiled && defects.has('wrongDimension') ? dimensions + 1 : dimensions,
    );
    yield isSpoiled && defects.has('nan') ? line.replace(/"embedding":\[[^,]+,/, '"embedding":[null,') : line;
    if (defects.has('duplicates')) yield line;
  }
}

export function outputLine({ custom_id, body }: BatchLines, dimensions: number): string {
  const inputs = Array.isArray(body.input) ? body.input : [body.input];
  const data = inputs.map((text, index) => ({
    object: 'embedding',
    index,
    embedding: Array.from(standInVector(text, body.dimensions ?? dimensions)),
  }));
  const tokens = inputs.reduce((sum, text) => sum + Math.ceil(text.length / 4), 0);
  const answer = {
    object: 'list',
    data,
    model: body.model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
  const response = { status_code: 200, request_id: 'req_x', body: answer };
  return JSON.stringify({ id: 'batch_req_x', custom_id, response, error: null });
}

/** The lines of an error file: requests that were refused, and those that were not come to. */
export function* errorLines(
  refused: readonly BatchLines[],
  skipped: readonly BatchLines[],
  outcome: BatchOutcome['kind'],
): Generator<string> {
  for (const { custom_id } of refused) {
    const error = {
      message: 'An input is not acceptable.',
      type: 'invalid_request_error',
      param: null,
      code: null,
    };
    const response = { status_code: 400, request_id: 'req_y', body: { error } };
    yield JSON.stringify({ id: 'batch_req_y', custom_id, response, error: null });
  }
  for (const { custom_id } of skipped) {
    const error = { code: `batch_${outcome}`, message: `The job has ${outcome}.` };
    yield JSON.stringify({ id: 'batch_req_z', custom_id, response: null, error });
  }
}
