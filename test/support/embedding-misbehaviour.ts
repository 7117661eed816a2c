import type { ServerResponse } from 'node:http';
import type { Defect } from './embedding-answer.ts';

/** What to do instead of the right answer. */
export type Misbehaviour =
  /** An HTTP status with a body (JSON unless a string) and headers. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Takes the request and never answers. */
  | { readonly kind: 'hang' }
  /** Sends the head and half of the body, then never ends. */
  | { readonly kind: 'hang-in-body' }
  /** Ends the connection without an answer. */
  | { readonly kind: 'reset' }
  /** Ends the connection in the middle of the body. */
  | { readonly kind: 'reset-in-body' }
  /** A complete HTTP answer whose JSON is cut off. */
  | { readonly kind: 'truncated-json' }
  /** A complete HTTP answer with this body. */
  | { readonly kind: 'body'; readonly body: unknown }
  /** The right answer with one defect. */
  | { readonly kind: Defect };

/** Answers as `how` says; `make` gives the right answer, or one with a defect. */
export function misbehave(
  response: ServerResponse,
  how: Misbehaviour,
  make: (defect: Defect | undefined) => unknown,
): void {
  const good = (): string => JSON.stringify(make(undefined));
  switch (how.kind) {
    case 'hang':
      return;
    case 'reset':
      response.socket?.destroy();
      return;
    case 'hang-in-body':
    case 'reset-in-body': {
      const text = good();
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length });
      response.write(text.slice(0, text.length / 2), () => {
        if (how.kind === 'reset-in-body') response.socket?.destroy();
      });
      return;
    }
    case 'truncated-json':
      send(response, 200, good().slice(0, -20));
      return;
    case 'body':
      sendJson(response, 200, how.body);
      return;
    case 'status': {
      const text = typeof how.body === 'string' ? how.body : JSON.stringify(how.body ?? {});
      send(response, how.status, text, how.headers);
      return;
    }
    default:
      sendJson(response, 200, make(how.kind));
  }
}

export function sendError(
  response: ServerResponse,
  status: number,
  code: string | null,
  message: string,
  param: string | null = null,
): void {
  sendJson(response, status, { error: { message, type: 'invalid_request_error', param, code } });
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  send(response, status, JSON.stringify(body));
}

function send(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(text);
}
