import { afterEach } from 'bun:test';
import { Hono } from 'hono';
import type { HttpOptions, SynclineOptions } from '../../src/index.ts';
import type { ParsedJson } from '../support/parsed-json.ts';
import { startTestRuntime, type TestRuntime } from '../support/test-runtime.ts';

/** A runtime behind a real socket. */
export interface TestApi extends TestRuntime {
  /** Without a slash at its end. */
  readonly url: string;
  /** Requests that are not answered yet. */
  pendingRequests(): number;
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed JSON, or the text where it is none. */
  readonly body: ParsedJson;
}

const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  while (open.length > 0) await open.pop()?.();
});

export interface TestApiOptions {
  readonly runtime?: SynclineOptions;
  readonly http?: HttpOptions;
  /** Mounts the app in another one under this path. */
  readonly prefix?: string;
}

export async function startTestApi(options: TestApiOptions = {}): Promise<TestApi> {
  const test = await startTestRuntime(options.runtime);
  const app = await test.runtime.http(options.http);
  const prefix = options.prefix ?? '';
  const served = prefix === '' ? app : new Hono().route(prefix, app);
  const server = Bun.serve({ port: 0, hostname: '127.0.0.1', idleTimeout: 0, fetch: served.fetch });
  open.push(() => server.stop(true));
  const url = `http://127.0.0.1:${server.port}${prefix}`;
  return {
    ...test,
    url,
    pendingRequests: () => server.pendingRequests,
    call: (method, path, body, headers) => call(`${url}${path}`, method, body, headers),
  };
}

async function call(
  url: string,
  method: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const isJson = body !== undefined && typeof body !== 'string';
  const response = await fetch(url, {
    method,
    redirect: 'manual',
    headers: { ...(isJson && { 'Content-Type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: isJson ? JSON.stringify(body) : (body as string) }),
  });
  const text = await response.text();
  const isJsonAnswer = /[/+]json/.test(response.headers.get('content-type') ?? '');
  return { status: response.status, headers: response.headers, body: isJsonAnswer ? JSON.parse(text) : text };
}
