import { type ClientResponse, hc } from 'hono/client';
import type { ApiRoutes } from '../http/app.ts';
import type { Problem } from '../http/problem.ts';

export type { Problem } from '../http/problem.ts';

export interface ClientOptions {
  /** Sent as bearer token. */
  readonly apiKey?: string;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** In place of the global `fetch`. */
  readonly fetch?: typeof fetch;
}

/** A client whose paths, parameters and answers are typed by the routes of the server: `client.v1.datasets.$get({ query })`. */
export type SynclineClient = ReturnType<typeof hc<ApiRoutes>>;

/**
 * A client for the REST API of a Syncline server.
 *
 * @param url - Where the server is, with the path under which it is mounted: `http://127.0.0.1:8321`, `https://example.com/vectors`.
 */
export function createClient(url: string, options: ClientOptions = {}): SynclineClient {
  const { apiKey, headers, fetch: ownFetch } = options;
  const client = hc<ApiRoutes>(url.replace(/\/+$/, ''), {
    headers: { ...headers, ...(apiKey !== undefined && { Authorization: `Bearer ${apiKey}` }) },
    ...(ownFetch && { fetch: ownFetch }),
  });
  return keepingIndex(client);
}

/** Stands in a path for the word `index`. */
const INDEX_PARAM = 'index-word';

/**
 * Hono's client takes a last `/index` for the name of a folder's page and leaves it out of the address, before it puts
 * parameters in: as a parameter, the word gets through.
 */
function keepingIndex<Node extends object>(node: Node): Node {
  return new Proxy(node, {
    get(target, key) {
      const next: unknown = Reflect.get(target, key === 'index' ? `:${INDEX_PARAM}` : key);
      return typeof next === 'function' ? keepingIndex(next) : next;
    },
    apply(target, self, [args, ...others]: [CallArguments | undefined, ...unknown[]]) {
      const param = { ...args?.param, [INDEX_PARAM]: 'index' };
      return Reflect.apply(target as () => unknown, self, [{ ...args, param }, ...others]);
    },
  });
}

interface CallArguments {
  readonly param?: Readonly<Record<string, string>>;
}

/** What the server answered in place of what was asked for; told apart by {@link ProblemError.code}. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly status: number;
  /** Stable, as in the table of error codes; `INTERNAL` for an answer that is no problem by RFC 9457. */
  readonly code: string;
  readonly problem: Problem | undefined;

  constructor(status: number, problem: Problem | undefined) {
    super(problem?.detail ?? `The server answered with status ${status}.`);
    this.status = status;
    this.code = problem?.code ?? 'INTERNAL';
    this.problem = problem;
  }
}

type Success = 200 | 201 | 202;

/** The bodies of those answers of a route that are a success. */
export type Answer<Response> =
  Response extends ClientResponse<infer Body, infer Status, 'json'>
    ? Status extends Success
      ? Body
      : never
    : never;

/**
 * The body of a successful answer: `await answer(client.v1.datasets.$get({ query: {} }))`; `undefined` where it has none.
 *
 * @throws ProblemError for any other.
 */
export async function answer<Response extends ClientResponse<unknown>>(
  request: Promise<Response>,
): Promise<Answer<Response>> {
  const response = await request;
  const isJson = /[/+]json/.test(response.headers.get('content-type') ?? '');
  const body = isJson ? await response.json() : await response.text();
  if (response.ok) return (isJson ? body : undefined) as Answer<Response>;
  throw new ProblemError(response.status, isJson ? (body as Problem) : undefined);
}
