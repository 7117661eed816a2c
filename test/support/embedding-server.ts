/**
 * A stand-in for an embedding provider: speaks `POST /v1/embeddings` as documented, answers with vectors that depend on the
 * text alone, counts what it is asked, and misbehaves on command. Runs in Bun, Deno and Node; also as a process of its own:
 *
 *     bun test/support/embedding-server.ts --dimensions 384 --latency-ms 60 --latency-ms-per-1k-tokens 5
 *
 * prints its base URL on one line, then serves until it is ended. `GET /stats` and `POST /reset` are for that case.
 */
import { Buffer } from 'node:buffer';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { countTokens, type Defect, makeAnswer } from './embedding-answer.ts';
import { type Misbehaviour, misbehave, sendError, sendJson } from './embedding-misbehaviour.ts';

export interface EmbeddingServerOptions {
  /** Length of the vectors when the request does not ask for one. Default 384. */
  readonly dimensions?: number;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Time every request takes. Default 0. */
  readonly latencyMs?: number;
  /** Time added per 1,000 tokens (a token is 4 UTF-8 bytes here). Default 0. */
  readonly latencyMsPer1kTokens?: number;
  /** When set, requests without `Authorization: Bearer <apiKey>` are answered 401. */
  readonly apiKey?: string;
  /** Ignores `encoding_format: base64` as many compatible servers do. Default false. */
  readonly alwaysFloat?: boolean;
  /** Refuses the parameter `encoding_format: base64` with 400. Default false. */
  readonly refusesBase64?: boolean;
  /** Refuses the parameter `dimensions` with 400. Default false. */
  readonly refusesDimensions?: boolean;
  /** More inputs in one request are refused with 400. Default 2,048. */
  readonly inputsMax?: number;
  /** More tokens in one request are refused with 400. Default: no limit. */
  readonly tokensMax?: number;
  /** A text of more tokens is refused with 400, in the words of many servers. Default: no limit. */
  readonly tokensPerTextMax?: number;
  /** Keep texts and requests for {@link EmbeddingServer.texts} and `seen`. Default true; a benchmark turns it off. */
  readonly keepTexts?: boolean;
  /** Called with every request before it is answered. */
  readonly onRequest?: (request: SeenRequest) => void;
}

export interface EmbeddingServerStats {
  /** Requests to `/v1/embeddings`, also those refused. */
  readonly requests: number;
  /** Texts in requests answered with vectors. */
  readonly inputs: number;
  /** Tokens in requests answered with vectors. */
  readonly tokens: number;
  readonly inFlight: number;
  readonly inFlightMax: number;
  /** Time with at least one request in flight. */
  readonly busyMs: number;
}

/** What one request carried. */
export interface SeenRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface EmbeddingServer extends AsyncDisposable {
  /** Base URL for clients, ending in `/v1`. */
  readonly url: string;
  stats(): EmbeddingServerStats;
  /** Every text answered with a vector, in order of arrival; repeated texts repeated. */
  readonly texts: readonly string[];
  /** The last 200 requests, texts included. */
  readonly seen: readonly SeenRequest[];
  /** When requests were in flight, in milliseconds of `performance.now()`; the last 10,000, the current one not included. */
  readonly busyIntervals: readonly (readonly [startMs: number, endMs: number])[];
  /** The next `times` (default 1) requests are answered so; queued after earlier commands. `Infinity` for good. */
  misbehave(how: Misbehaviour, times?: number): void;
  /** Back to good behaviour. */
  behave(): void;
  /** Refuses every request that holds a text with `part` in it with 400 (or another status), until the next call with another or none. */
  poison(part: string | undefined, status?: number): void;
  /** Sends these headers with every answer from now on, such as `x-ratelimit-remaining-requests`. */
  sendHeaders(headers: Readonly<Record<string, string>>): void;
  /** Changes the time that requests take from now on. */
  setLatency(latencyMs: number, latencyMsPer1kTokens?: number): void;
  /** Holds every request from now on, until the function that it returns is called: they are answered then. */
  hold(): () => void;
  /** Forgets counts, texts and requests; keeps commands. */
  reset(): void;
  /** Ends all connections, also hanging ones. */
  close(): Promise<void>;
}

const POISONED = 'An input is not acceptable.';
const SEEN_MAX = 200;
const INTERVALS_MAX = 10_000;
const BODY_BYTES_MAX = 64 * 1024 * 1024;

interface State {
  readonly options: EmbeddingServerOptions;
  latencyMs: number;
  latencyMsPer1kTokens: number;
  commands: { readonly how: Misbehaviour; times: number }[];
  poison: string | undefined;
  poisonStatus: number;
  headers: Readonly<Record<string, string>>;
  requests: number;
  inputs: number;
  tokens: number;
  inFlight: number;
  inFlightMax: number;
  busyMs: number;
  busySinceMs: number;
  readonly texts: string[];
  readonly seen: SeenRequest[];
  readonly busyIntervals: [number, number][];
  readonly timers: Set<ReturnType<typeof setTimeout>>;
  /** Ends when requests are answered (again). */
  held: Promise<void> | undefined;
}

/** Starts the stand-in on 127.0.0.1. */
export async function startEmbeddingServer(options: EmbeddingServerOptions = {}): Promise<EmbeddingServer> {
  const state = createState(options);
  const server = createServer((request, response) => {
    handle(state, request, response).catch((error: unknown) => {
      if (!response.headersSent) sendError(response, 500, 'stand_in_failed', String(error));
      else response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    for (const timer of state.timers) clearTimeout(timer);
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  };
  return {
    url: `http://127.0.0.1:${port}/v1`,
    texts: state.texts,
    seen: state.seen,
    busyIntervals: state.busyIntervals,
    stats: () => readStats(state),
    misbehave(how, times = 1) {
      state.commands.push({ how, times });
    },
    behave() {
      state.commands = [];
    },
    poison(part, status = 400) {
      state.poison = part;
      state.poisonStatus = status;
    },
    sendHeaders(headers) {
      state.headers = headers;
    },
    setLatency(latencyMs, latencyMsPer1kTokens = 0) {
      state.latencyMs = latencyMs;
      state.latencyMsPer1kTokens = latencyMsPer1kTokens;
    },
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      state.held = promise;
      return resolve;
    },
    reset: () => reset(state),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function createState(options: EmbeddingServerOptions): State {
  return {
    options,
    latencyMs: options.latencyMs ?? 0,
    latencyMsPer1kTokens: options.latencyMsPer1kTokens ?? 0,
    commands: [],
    poison: undefined,
    poisonStatus: 400,
    headers: {},
    requests: 0,
    inputs: 0,
    tokens: 0,
    inFlight: 0,
    inFlightMax: 0,
    busyMs: 0,
    busySinceMs: 0,
    texts: [],
    seen: [],
    busyIntervals: [],
    timers: new Set(),
    held: undefined,
  };
}

function readStats(state: State): EmbeddingServerStats {
  const { requests, inputs, tokens, inFlight, inFlightMax } = state;
  const current = inFlight > 0 ? performance.now() - state.busySinceMs : 0;
  return { requests, inputs, tokens, inFlight, inFlightMax, busyMs: state.busyMs + current };
}

function reset(state: State): void {
  state.requests = 0;
  state.inputs = 0;
  state.tokens = 0;
  state.inFlightMax = state.inFlight;
  state.busyMs = 0;
  state.busySinceMs = performance.now();
  state.texts.length = 0;
  state.seen.length = 0;
  state.busyIntervals.length = 0;
}

async function handle(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '').split('?')[0];
  if (request.method === 'GET' && path === '/stats') return sendJson(response, 200, readStats(state));
  if (request.method === 'POST' && path === '/reset') {
    reset(state);
    return sendJson(response, 200, {});
  }
  if (request.method !== 'POST' || path !== '/v1/embeddings') {
    request.resume();
    return sendError(response, 404, null, `Invalid URL (${request.method} ${path})`);
  }
  state.requests += 1;
  const leave = enter(state);
  // Either may come alone: `finish` when the answer is out, `close` when the client went away.
  response.once('finish', leave);
  response.once('close', leave);
  const body = await readBody(request);
  state.options.onRequest?.({ headers: request.headers, body });
  if (state.options.keepTexts ?? true) state.seen.push({ headers: request.headers, body });
  if (state.seen.length > SEEN_MAX) state.seen.shift();
  await state.held;
  await answer(state, request, response, body);
}

function enter(state: State): () => void {
  if (state.inFlight === 0) state.busySinceMs = performance.now();
  state.inFlight += 1;
  state.inFlightMax = Math.max(state.inFlightMax, state.inFlight);
  let left = false;
  return () => {
    if (left) return;
    left = true;
    state.inFlight -= 1;
    if (state.inFlight > 0) return;
    const now = performance.now();
    state.busyMs += now - state.busySinceMs;
    state.busyIntervals.push([state.busySinceMs, now]);
    if (state.busyIntervals.length > INTERVALS_MAX) state.busyIntervals.shift();
  };
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request) {
    const chunk = Buffer.from(part as Uint8Array);
    bytes += chunk.byteLength;
    if (bytes > BODY_BYTES_MAX) throw new Error('The request is too large for the stand-in.');
    parts.push(chunk);
  }
  const body: unknown = JSON.parse(Buffer.concat(parts).toString('utf8') || 'null');
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
}

async function answer(
  state: State,
  request: IncomingMessage,
  response: ServerResponse,
  body: Record<string, unknown>,
): Promise<void> {
  const { apiKey } = state.options;
  for (const [name, value] of Object.entries(state.headers)) response.setHeader(name, value);
  if (apiKey !== undefined && request.headers.authorization !== `Bearer ${apiKey}`) {
    const given = (request.headers.authorization ?? '').replace('Bearer ', '');
    return sendError(response, 401, 'invalid_api_key', `Incorrect API key provided: ${given}.`);
  }
  const texts = readTexts(body.input);
  const refusal = texts === undefined ? 'The input is missing or empty.' : refuse(state, body, texts);
  if (refusal !== undefined || texts === undefined) {
    const status = refusal === POISONED ? state.poisonStatus : 400;
    return sendError(response, status, refusalCode(refusal), refusal ?? '', refusalParam(refusal));
  }
  const tokens = texts.reduce((sum, text) => sum + countTokens(text), 0);
  const how = nextCommand(state);
  await wait(state, state.latencyMs + (state.latencyMsPer1kTokens * tokens) / 1000);
  const make = (defect: Defect | undefined): unknown =>
    makeAnswer({
      texts,
      model: body.model,
      dimensions: typeof body.dimensions === 'number' ? body.dimensions : (state.options.dimensions ?? 384),
      useBase64: body.encoding_format === 'base64' && !(state.options.alwaysFloat ?? false),
      tokens,
      defect,
    });
  if (how === undefined) {
    count(state, texts, tokens);
    return sendJson(response, 200, make(undefined));
  }
  misbehave(response, how, make);
}

function count(state: State, texts: readonly string[], tokens: number): void {
  state.inputs += texts.length;
  state.tokens += tokens;
  if (state.options.keepTexts ?? true) for (const text of texts) state.texts.push(text);
}

function readTexts(input: unknown): string[] | undefined {
  const texts: unknown[] = Array.isArray(input) ? input : [input];
  const good = texts.length > 0 && texts.every((text) => typeof text === 'string' && text !== '');
  return good ? (texts as string[]) : undefined;
}

function refuse(state: State, body: Record<string, unknown>, texts: readonly string[]): string | undefined {
  const { options } = state;
  if (typeof body.model !== 'string') return 'you must provide a model parameter';
  if (options.refusesBase64 && body.encoding_format === 'base64') return 'encoding_format is not supported';
  if (options.refusesDimensions && body.dimensions !== undefined) return 'dimensions is not supported';
  if (texts.length > (options.inputsMax ?? 2048)) return `The array is too long: ${texts.length} inputs.`;
  const tokens = texts.reduce((sum, text) => sum + countTokens(text), 0);
  if (tokens > (options.tokensMax ?? Number.POSITIVE_INFINITY)) {
    return `Requested ${tokens} tokens, max ${options.tokensMax} tokens per request`;
  }
  const { tokensPerTextMax = Number.POSITIVE_INFINITY } = options;
  const longest = Math.max(...texts.map(countTokens));
  if (longest > tokensPerTextMax) {
    return `This model's maximum context length is ${tokensPerTextMax} tokens, however you requested ${longest} tokens.`;
  }
  const { poison } = state;
  return poison !== undefined && texts.some((text) => text.includes(poison)) ? POISONED : undefined;
}

function refusalCode(refusal: string | undefined): string | null {
  return refusal?.startsWith('Requested') ? 'max_tokens_per_request' : null;
}

function refusalParam(refusal: string | undefined): string | null {
  return refusal?.endsWith(' is not supported') ? (refusal.split(' ')[0] ?? null) : null;
}

function nextCommand(state: State): Misbehaviour | undefined {
  const command = state.commands[0];
  if (command === undefined) return undefined;
  command.times -= 1;
  if (command.times <= 0) state.commands.shift();
  return command.how;
}

function wait(state: State, milliseconds: number): Promise<void> {
  if (milliseconds <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      state.timers.delete(timer);
      resolve();
    }, milliseconds);
    state.timers.add(timer);
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      dimensions: { type: 'string' },
      'latency-ms': { type: 'string' },
      'latency-ms-per-1k-tokens': { type: 'string' },
      'api-key': { type: 'string' },
      'always-float': { type: 'boolean' },
      'inputs-max': { type: 'string' },
      'tokens-max': { type: 'string' },
    },
  });
  const number = (value: string | undefined, fallback: number): number =>
    value === undefined ? fallback : Number(value);
  const server = await startEmbeddingServer({
    port: number(values.port, 0),
    dimensions: number(values.dimensions, 384),
    latencyMs: number(values['latency-ms'], 0),
    latencyMsPer1kTokens: number(values['latency-ms-per-1k-tokens'], 0),
    inputsMax: number(values['inputs-max'], 2048),
    tokensMax: number(values['tokens-max'], Number.POSITIVE_INFINITY),
    alwaysFloat: values['always-float'] ?? false,
    keepTexts: false,
    ...(values['api-key'] === undefined ? {} : { apiKey: values['api-key'] }),
  });
  process.stdout.write(`${server.url}\n`);
}

if (import.meta.main) await main();
