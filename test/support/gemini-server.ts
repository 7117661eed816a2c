import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { standInVector } from './embedding-answer.ts';
import { startEmbeddingServer } from './embedding-server.ts';

/*
 * A stand-in for Gemini's files and batches by the formats of its REST API (ai.google.dev/api/batch-api, /api/files), as Google's
 * own client speaks it. Its OpenAI-compatible endpoint is the stand-in of the direct way behind it.
 */

/** What can be asked of it. */
export type GeminiOperation =
  | 'startUpload'
  | 'upload'
  | 'listFiles'
  | 'create'
  | 'look'
  | 'listBatches'
  | 'cancel'
  | 'download'
  | 'removeFile';

/** What happens instead of the right answer. */
export type GeminiFault =
  | { readonly kind: 'status'; readonly status: number; readonly message?: string }
  /** `lost`: it is done, and the answer never comes. `resetInBody`: the connection is closed in the middle of the answer. */
  | { readonly kind: 'reset' | 'lost' | 'resetInBody' };

interface GeminiJob {
  readonly name: string;
  readonly displayName: string;
  readonly inputFile: string;
  readonly createTime: string;
  state: string;
  outputFile: string | undefined;
}

/** The stand-in and what it has seen. */
export interface GeminiServer {
  /** Of the OpenAI-compatible endpoint, as users give it. */
  readonly url: string;
  readonly files: Map<string, { readonly displayName: string; readonly text: string }>;
  readonly jobs: GeminiJob[];
  /** Keys that requests were made with. */
  readonly keys: Set<string>;
  /** The next call of an operation goes wrong. */
  failNext(operation: GeminiOperation, fault: GeminiFault): void;
  /** Ends a job: in that state, with these lines of results (by default one vector for each line of its input, in reverse order). */
  finish(name: string, state?: string, lines?: readonly string[]): void;
  /** The right result of a request's line. */
  resultOf(line: string): string;
  close(): Promise<void>;
}

/** Starts a stand-in whose model makes vectors of this length. */
export async function startGeminiServer(dimensions: number): Promise<GeminiServer> {
  const direct = await startEmbeddingServer({ dimensions });
  const faults = new Map<GeminiOperation, GeminiFault>();
  const files: GeminiServer['files'] = new Map();
  const jobs: GeminiJob[] = [];
  const keys = new Set<string>();
  let counter = 0;
  const newId = () => {
    counter += 1;
    return `n${counter}`;
  };
  const started = new Map<string, string>();
  const pieces = new Map<string, Buffer>();

  const resultOf = (line: string): string => {
    const { key, request } = JSON.parse(line);
    const [{ text }] = request.content.parts;
    const length = request.output_dimensionality ?? dimensions;
    const values = [...standInVector(text, length)];
    return JSON.stringify({ key, response: { embedding: { values }, tokenCount: '3' } });
  };

  const fileOf = (name: string) => {
    const file = files.get(name);
    return {
      name,
      displayName: file?.displayName,
      sizeBytes: String(Buffer.byteLength(file?.text ?? '')),
      state: 'ACTIVE',
      createTime: new Date().toISOString(),
    };
  };
  const jobOf = (job: GeminiJob) => ({
    name: job.name,
    metadata: {
      '@type': 'type.googleapis.com/google.ai.generativelanguage.v1main.EmbedContentBatch',
      displayName: job.displayName,
      model: 'models/m',
      state: job.state,
      createTime: job.createTime,
      inputConfig: { fileName: job.inputFile },
      ...(job.outputFile === undefined ? {} : { output: { responsesFile: job.outputFile } }),
    },
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const bytes = await readBody(request);
    const body = bytes.toString('utf8');
    if (url.pathname.startsWith('/v1beta/openai/')) {
      const passed = await fetch(`${direct.url}${url.pathname.slice('/v1beta/openai'.length)}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      response.writeHead(passed.status, { 'content-type': 'application/json' }).end(await passed.text());
      return;
    }
    keys.add(String(request.headers['x-goog-api-key']));
    const page = <Item>(items: readonly Item[], field: string) => {
      const start = Number(url.searchParams.get('pageToken') ?? 0);
      const nextPageToken = start + 2 < items.length ? { nextPageToken: String(start + 2) } : {};
      return { [field]: items.slice(start, start + 2), ...nextPageToken };
    };
    const route = (): [GeminiOperation, () => unknown, Record<string, string>?] => {
      const name = url.pathname.replace(/^\/v1beta\//, '');
      if (url.pathname === '/upload/v1beta/files') {
        const id = newId();
        started.set(id, JSON.parse(body).file.displayName);
        return ['startUpload', () => ({}), { 'x-goog-upload-url': `${origin}/resumable/${id}` }];
      }
      if (url.pathname.startsWith('/resumable/')) {
        const id = url.pathname.slice('/resumable/'.length);
        const isLast = String(request.headers['x-goog-upload-command']).includes('finalize');
        const upload = () => {
          pieces.set(id, Buffer.concat([pieces.get(id) ?? Buffer.alloc(0), bytes]));
          if (!isLast) return {};
          files.set(`files/${id}`, { displayName: started.get(id) ?? '', text: String(pieces.get(id)) });
          return { file: fileOf(`files/${id}`) };
        };
        return ['upload', upload, { 'x-goog-upload-status': isLast ? 'final' : 'active' }];
      }
      if (name.endsWith(':asyncBatchEmbedContent')) {
        return [
          'create',
          () => {
            const { batch } = JSON.parse(body);
            const job: GeminiJob = {
              name: `batches/${newId()}`,
              displayName: batch.displayName,
              inputFile: batch.inputConfig.file_name,
              createTime: new Date().toISOString(),
              state: 'BATCH_STATE_PENDING',
              outputFile: undefined,
            };
            jobs.push(job);
            return jobOf(job);
          },
        ];
      }
      if (name === 'files') return ['listFiles', () => page([...files.keys()].map(fileOf), 'files')];
      if (name === 'batches') return ['listBatches', () => page(jobs.map(jobOf), 'operations')];
      if (name.endsWith(':cancel')) {
        const cancel = () => {
          const job = jobs.find((one) => `${one.name}:cancel` === name);
          if (job !== undefined) job.state = 'JOB_STATE_CANCELLING';
          return job && {};
        };
        return ['cancel', cancel];
      }
      if (name.endsWith(':download'))
        return ['download', () => files.get(name.slice(0, -':download'.length))?.text];
      if (request.method === 'DELETE') return ['removeFile', () => (files.delete(name) ? {} : undefined)];
      return ['look', () => jobs.filter((job) => job.name === name).map(jobOf)[0]];
    };
    const [operation, run, headers = {}] = route();
    const fault = faults.get(operation);
    faults.delete(operation);
    if (fault?.kind === 'status') return fail(response, fault.status, fault.message ?? 'said so');
    if (fault?.kind === 'reset') {
      request.socket.destroy();
      return;
    }
    const result = run();
    if (fault?.kind === 'lost') request.socket.destroy();
    // As Google has it: a file that is gone may as well be somebody else's.
    else if (result === undefined) fail(response, name404(operation), 'it may not exist.');
    else {
      const text = typeof result === 'string' ? result : JSON.stringify(result);
      response.writeHead(200, { 'content-type': 'application/json', ...headers });
      if (fault?.kind !== 'resetInBody') response.end(text);
      else response.write(text.slice(0, text.length >> 1), () => request.socket.destroy());
    }
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => fail(response, 500, String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `${origin}/v1beta/openai`,
    files,
    jobs,
    keys,
    failNext: (operation, fault) => faults.set(operation, fault),
    resultOf,
    finish(name, state = 'BATCH_STATE_SUCCEEDED', lines) {
      const job = jobs.find((one) => one.name === name);
      if (job === undefined) throw new Error(`There is no job ${name}.`);
      const input = files.get(job.inputFile)?.text.trim().split('\n') ?? [];
      job.state = state;
      job.outputFile = `files/batch-${newId()}`;
      const results = lines ?? input.map(resultOf).reverse();
      files.set(job.outputFile, { displayName: '', text: results.map((line) => `${line}\n`).join('') });
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await direct.close();
    },
  };
}

function name404(operation: GeminiOperation): number {
  return operation === 'download' || operation === 'removeFile' ? 403 : 404;
}

function fail(response: ServerResponse, status: number, message: string): void {
  const body = { error: { code: status, message, status: 'SAID' } };
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
