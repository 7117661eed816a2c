import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';

/** What a proxy does to the next requests, one each. */
export type Fault =
  /** Hands the request on, then breaks the connection instead of answering: done, but nobody knows. */
  | 'loseAnswer'
  /** Neither hands it on nor answers. */
  | 'hang'
  /** Answers HTTP 500 without handing it on. */
  | 'serverError'
  /** Answers something that is no answer. */
  | 'garbage'
  /** Answers HTTP 401. */
  | 'unauthorized';

/** A proxy before a server, with faults on demand. */
export interface FaultProxy {
  readonly url: string;
  /** Faults for the next requests that write. */
  failNext(...faults: Fault[]): void;
  /** While down it breaks every connection, as a network that is gone does. */
  setDown(isDown: boolean): void;
  close(): Promise<void>;
}

/** Starts a proxy on 127.0.0.1 in front of `target`. */
export async function startFaultProxy(target: string): Promise<FaultProxy> {
  const faults: Fault[] = [];
  let isDown = false;
  const server = createServer((incoming, outgoing) => {
    if (isDown) incoming.destroy();
    else void serve(target, incoming, outgoing, faults);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    failNext: (...next) => {
      faults.push(...next);
    },
    setDown(down) {
      isDown = down;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function serve(target: string, incoming: IncomingMessage, outgoing: ServerResponse, faults: Fault[]) {
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part as Buffer);
  const body = Buffer.concat(parts);
  const fault = body.includes('BEGIN IMMEDIATE') ? faults.shift() : undefined;
  if (fault === 'hang') return;
  if (fault === 'serverError') outgoing.writeHead(500).end('broken');
  else if (fault === 'unauthorized') outgoing.writeHead(401).end('who are you');
  else if (fault === 'garbage') outgoing.writeHead(200, { 'content-type': 'application/json' }).end('<html>');
  else forward(target, incoming, outgoing, body, fault === 'loseAnswer');
}

function forward(
  target: string,
  { url, method, headers }: IncomingMessage,
  outgoing: ServerResponse,
  body: Buffer,
  losesAnswer: boolean,
): void {
  const onward = request(
    new URL(url ?? '/', target),
    { method: method ?? 'GET', headers: { ...headers, host: new URL(target).host } },
    (answer) => {
      if (losesAnswer) {
        answer.resume();
        answer.on('end', () => outgoing.destroy());
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    },
  );
  onward.on('error', () => outgoing.destroy());
  onward.end(body);
}
