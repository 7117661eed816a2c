import type { Context } from 'hono';
import type { DocumentInput } from '../domain/document.ts';
import { isSynclineError } from '../domain/errors.ts';
import { readJsonl } from '../readers/read-jsonl.ts';
import type { Dataset } from '../runtime/dataset.ts';
import type { DocumentSource, RefusedDocument } from '../runtime/ingest.ts';
import type { HttpEnv } from './environment.ts';
import { HttpError } from './http-error.ts';
import type { ResolvedHttpOptions } from './options.ts';
import { publicMessage } from './problem-kinds.ts';

/** Documents of a streamed body, and the lines that were none. */
export interface DocumentStream {
  readonly documents: AsyncIterable<DocumentInput>;
  readonly faults: RefusedDocument[];
  faultCount(): number;
}

/** Refused documents that an answer names. */
const REFUSED_LISTED_MAX = 100;

/** Whether a body is a stream of lines. */
export function isLineStream(context: Context<HttpEnv>): boolean {
  return /^application\/x-ndjson\b/i.test(context.req.header('content-type') ?? '');
}

/** The documents of a body that is one per line; `undefined` for any other body. Never held as a whole. */
export function readStream(
  context: Context<HttpEnv>,
  { bodyBytesMax, streamBytesMax }: ResolvedHttpOptions,
): DocumentStream | undefined {
  if (!isLineStream(context)) return undefined;
  const faults: RefusedDocument[] = [];
  let faultCount = 0;
  const { body } = context.req.raw;
  async function* documents(): AsyncGenerator<DocumentInput> {
    if (body === null) return;
    for await (const result of readJsonl(limited(body, streamBytesMax), 'the body', bodyBytesMax)) {
      if ('document' in result) {
        yield result.document;
        continue;
      }
      // A stream leaves nothing out because of its kind.
      if (!('problem' in result)) continue;
      faultCount += 1;
      const { code, message } = result.problem;
      if (faults.length < REFUSED_LISTED_MAX) faults.push({ key: '', code, message });
    }
  }
  return { documents: documents(), faults, faultCount: () => faultCount };
}

async function* limited(body: ReadableStream<Uint8Array>, bytesMax: number): AsyncGenerator<Uint8Array> {
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > bytesMax) {
      const problem = `The stream is longer than ${bytesMax} bytes; what came before is taken in. Send the rest in another one.`;
      throw new HttpError('PAYLOAD_TOO_LARGE', problem);
    }
    yield chunk;
  }
}

/** Queues documents durably, then waits up to `waitS` seconds until all of the dataset is searchable. */
export async function takeIn(dataset: Dataset, source: DocumentStream | DocumentSource, waitS: number) {
  const stream = 'faults' in source ? source : undefined;
  let taskId = 0;
  const result = await dataset.ingest(stream?.documents ?? (source as DocumentSource), {
    mode: 'async',
    onTask: (id) => {
      taskId = id;
    },
  });
  const faultCount = stream?.faultCount() ?? 0;
  const refused = [...(stream?.faults ?? []), ...result.refused].slice(0, REFUSED_LISTED_MAX);
  return {
    readCount: result.readCount + faultCount,
    addedCount: result.addedCount,
    changedCount: result.changedCount,
    unchangedCount: result.unchangedCount,
    refusedCount: result.refusedCount + faultCount,
    refused: refused.map(({ key, code, message }) => ({ key, code, detail: publicMessage(code, message) })),
    isSearchable: waitS > 0 && (await untilSearchable(dataset, waitS)),
    taskId,
  };
}

/** What keeps documents from being indexed now is not the fault of their request: they are queued, and the status tells. */
async function untilSearchable(dataset: Dataset, waitS: number): Promise<boolean> {
  const signal = AbortSignal.timeout(waitS * 1_000);
  try {
    await dataset.index({ signal });
    return true;
  } catch (error) {
    if (isSynclineError(error)) return false;
    throw error;
  }
}
