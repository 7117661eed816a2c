import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { type BatchShop, batchBody, createBatchJobs, fileBody, isOver } from './batch-jobs.ts';
import { type EmbeddingServer, startEmbeddingServer } from './embedding-server.ts';
import { multipartFile } from './multipart.ts';

/*
 * A stand-in for OpenAI's `/v1/files` and `/v1/batches` by their published formats, that misbehaves on command. Everything else
 * (`/v1/embeddings`) is answered by the stand-in of the direct way behind it.
 */

/** What can be asked of it. */
export type BatchOperation =
  | 'upload'
  | 'listFiles'
  | 'create'
  | 'look'
  | 'listBatches'
  | 'cancel'
  | 'content'
  | 'removeFile';

/**
 * What happens instead of the right answer: an error instead of doing it, nothing but a closed connection, the same after it was
 * done (the answer is lost), a connection that is closed in the middle of the answer, or no answer ever.
 */
export type BatchFault =
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly body?: unknown;
      readonly headers?: Record<string, string>;
    }
  | { readonly kind: 'reset' | 'lost' | 'resetInBody' | 'hang' };

export interface BatchServerOptions {
  readonly dimensions?: number;
  /** Looks at a job until it is over; each takes it one step further. Default 2. */
  readonly looksUntilOver?: number;
  /** Tokens of all unfinished jobs together; a job beyond that fails as OpenAI's do. */
  readonly enqueuedTokensMax?: number;
  readonly pageSizeMax?: number;
}

/** The stand-in and what it has seen. */
export interface BatchServer extends BatchShop {
  readonly url: string;
  readonly direct: EmbeddingServer;
  /** How often each operation was asked for. */
  readonly asked: Record<BatchOperation, number>;
  /** Bytes of output and error files that were read. */
  sentBytes: number;
  /** Called before an operation is done, and when it is done but not answered. */
  watch: ((operation: BatchOperation, moment: 'before' | 'after') => void) | undefined;
  /** The next `times` requests of an operation fail that way. */
  fail(operation: BatchOperation, fault: BatchFault, times?: number): void;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startBatchServer(options: BatchServerOptions = {}): Promise<BatchServer> {
  const dimensions = options.dimensions ?? 8;
  const direct = await startEmbeddingServer({ dimensions });
  const faults: { operation: BatchOperation; fault: BatchFault; times: number }[] = [];
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (!response.headersSent) send(response, 500, { error: { message: String(error) } });
      else response.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const asked = {
    upload: 0,
    listFiles: 0,
    create: 0,
    look: 0,
    listBatches: 0,
    cancel: 0,
    content: 0,
    removeFile: 0,
  };
  const state: BatchServer = {
    url,
    direct,
    files: new Map(),
    batches: new Map(),
    charged: [],
    asked,
    sentBytes: 0,
    outcome: { kind: 'completed' },
    defects: new Set(),
    poison: undefined,
    isMoving: true,
    enqueuedTokensMax: options.enqueuedTokensMax ?? Number.POSITIVE_INFINITY,
    watch: undefined,
    fail: (operation, fault, times = 1) => void faults.push({ operation, fault, times }),
    close,
    [Symbol.asyncDispose]: close,
  };
  const jobs = createBatchJobs(state, { dimensions, looksUntilOver: options.looksUntilOver ?? 2 });

  async function close(): Promise<void> {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await direct.close();
  }

  function takeFault(operation: BatchOperation): BatchFault | undefined {
    const index = faults.findIndex((entry) => entry.operation === operation);
    const entry = faults[index];
    if (entry === undefined) return undefined;
    entry.times -= 1;
    if (entry.times <= 0) faults.splice(index, 1);
    return entry.fault;
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '', url);
    const [, , kind, id, part] = pathname.split('/');
    const route = routeOf(request.method ?? '', kind, id, part);
    if (route === undefined) return passOn(direct, request, response);
    asked[route] += 1;
    const body = await readAll(request);
    state.watch?.(route, 'before');
    const fault = takeFault(route);
    if (fault?.kind === 'status') return send(response, fault.status, fault.body ?? {}, fault.headers);
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'reset') return void response.socket?.destroy();
    const answer = operations[route]({ id: id ?? '', body, query: searchParams, headers: request.headers });
    state.watch?.(route, 'after');
    if (fault?.kind === 'lost') return void response.socket?.destroy();
    if (answer instanceof Readable) return stream(response, answer, fault?.kind === 'resetInBody');
    send(response, answer.status ?? 200, answer.body);
  }

  interface Asked {
    readonly id: string;
    readonly body: Buffer;
    readonly query: URLSearchParams;
    readonly headers: IncomingMessage['headers'];
  }
  type Answer = { readonly status?: number; readonly body: unknown } | Readable;

  const missing = (what: string): Answer => ({
    status: 404,
    body: { error: { message: `No such ${what}`, type: 'invalid_request_error', param: null, code: null } },
  });

  const operations: Record<BatchOperation, (asked: Asked) => Answer> = {
    upload({ body, headers }) {
      const { filename, content } = multipartFile(body, String(headers['content-type']));
      const text = content.toString('utf8');
      const file = jobs.addFile(
        filename,
        content.byteLength,
        () => text.split('\n').filter((line) => line !== ''),
        'file-',
      );
      return { body: fileBody(file) };
    },
    listFiles: ({ query }) => ({ body: page([...state.files.values()].map(fileBody), query) }),
    create({ body }) {
      const { input_file_id, metadata } = JSON.parse(body.toString('utf8'));
      const file = state.files.get(input_file_id);
      if (file === undefined) return missing('file');
      const batch = jobs.create(file, metadata ?? {});
      return { body: batchBody(batch) };
    },
    look({ id }) {
      const batch = state.batches.get(id);
      if (batch === undefined) return missing('batch');
      jobs.move(batch);
      return { body: batchBody(batch) };
    },
    listBatches: ({ query }) => ({ body: page([...state.batches.values()].map(batchBody), query) }),
    cancel({ id }) {
      const batch = state.batches.get(id);
      if (batch === undefined) return missing('batch');
      if (isOver(batch))
        return { status: 409, body: { error: { message: 'It is over.', code: 'conflict' } } };
      jobs.cancel(batch);
      return { body: batchBody(batch) };
    },
    content({ id }) {
      const file = state.files.get(id);
      if (file === undefined) return missing('file');
      return Readable.from(withEnds(file.lines(), (bytes) => (state.sentBytes += bytes)));
    },
    removeFile({ id }) {
      return state.files.delete(id) ? { body: { id, object: 'file', deleted: true } } : missing('file');
    },
  };

  function page(newestLast: readonly { readonly id: string }[], query: URLSearchParams): unknown {
    const newestFirst = [...newestLast].reverse();
    const after = query.get('after');
    const start = after === null ? 0 : newestFirst.findIndex(({ id }) => id === after) + 1;
    const limit = Math.min(Number(query.get('limit') ?? 20), options.pageSizeMax ?? 100);
    const data = newestFirst.slice(start, start + limit);
    const ends = { first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
    return { object: 'list', data, ...ends, has_more: start + limit < newestFirst.length };
  }

  return state;
}

function routeOf(method: string, kind?: string, id?: string, part?: string): BatchOperation | undefined {
  const name = `${method} ${kind}${id ? '/id' : ''}${part ? `/${part}` : ''}`;
  const routes: Record<string, BatchOperation> = {
    'POST files': 'upload',
    'GET files': 'listFiles',
    'POST batches': 'create',
    'GET batches': 'listBatches',
    'GET batches/id': 'look',
    'POST batches/id/cancel': 'cancel',
    'GET files/id/content': 'content',
    'DELETE files/id': 'removeFile',
  };
  return routes[name];
}

function* withEnds(lines: Iterable<string>, count: (bytes: number) => void): Generator<string> {
  for (const line of lines) {
    count(line.length + 1);
    yield `${line}\n`;
  }
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(Buffer.from(part as Uint8Array));
  return Buffer.concat(parts);
}

function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

function stream(response: ServerResponse, content: Readable, isCut: boolean): void {
  response.writeHead(200, { 'content-type': 'application/octet-stream' });
  if (!isCut) {
    content.pipe(response);
    return;
  }
  content.once('data', (piece: string) => {
    content.destroy();
    response.write(piece.slice(0, piece.length / 2), () => response.socket?.destroy());
  });
}

/** To the stand-in of the direct way. */
async function passOn(
  direct: EmbeddingServer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readAll(request);
  const answer = await fetch(new URL(request.url ?? '', direct.url), {
    method: request.method ?? 'GET',
    headers: { 'content-type': 'application/json' },
    ...(request.method === 'GET' ? {} : { body: new Uint8Array(body) }),
  });
  response.writeHead(answer.status, { 'content-type': 'application/json' });
  response.end(Buffer.from(await answer.arrayBuffer()));
}
