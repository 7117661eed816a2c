import { clearTimeout, setTimeout } from 'node:timers';
import { SynclineError } from '../domain/errors.ts';
import type { LiveSocket, ServerBindings, SocketHandlers } from './live/socket.ts';

/** Where and what to serve. */
export interface ListenOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** How long a connection may stand still, and a request take to send its head. Bun only; Deno has no such limit. */
  readonly idleTimeoutMs: number;
  readonly fetch: (request: Request, bindings: ServerBindings) => Response | Promise<Response>;
}

/** A server that listens. */
export interface HttpListener {
  readonly host: string;
  /** The port that was taken. */
  readonly port: number;
  /**
   * Takes no new connections, and answers 503 to new requests on old ones; ends when every answer is out. What is not by
   * then is cut off after `timeoutMs`, at once when that is 0.
   */
  close(timeoutMs: number): Promise<void>;
}

/** A server of one of the engines. */
interface EngineServer {
  readonly port: number;
  /** Ends when every answer is out. */
  drain(): Promise<void>;
  cut(): Promise<void>;
}

/*
 * The one place that knows engines apart: the standards have requests and answers, but no server. What is declared here is
 * what is used of `Bun.serve` and `Deno.serve`.
 */
interface BunEngine {
  serve(options: {
    readonly hostname: string;
    readonly port: number;
    readonly idleTimeout: number;
    readonly maxRequestBodySize: number;
    readonly fetch: (request: Request, server: BunServer) => Response | Promise<Response>;
    readonly websocket: {
      readonly open: (socket: BunSocket) => void;
      readonly close: (socket: BunSocket) => void;
      readonly message: () => void;
      /** Tools send nothing. */
      readonly maxPayloadLength: number;
    };
  }): BunServer;
}

interface BunSocket {
  readonly data: SocketHandlers;
  send(text: string): unknown;
  getBufferedAmount(): number;
  close(code: number, reason: string): void;
}

interface BunServer {
  readonly port: number;
  stop(closeActiveConnections: boolean): Promise<void>;
  timeout(request: Request, seconds: number): void;
  upgrade(request: Request, options: { readonly data: SocketHandlers }): boolean;
}

interface DenoEngine {
  serve(
    options: {
      readonly hostname: string;
      readonly port: number;
      readonly signal: AbortSignal;
      readonly onListen: () => void;
    },
    handler: (request: Request) => Response | Promise<Response>,
  ): {
    readonly addr: { readonly port: number };
    readonly finished: Promise<void>;
    shutdown(): Promise<void>;
  };
  upgradeWebSocket(request: Request): { readonly response: Response; readonly socket: WebSocket };
}

const engines = globalThis as unknown as { readonly Bun?: BunEngine; readonly Deno?: DenoEngine };

/**
 * Listens with what the engine brings, `Bun.serve` or `Deno.serve`.
 *
 * @throws SynclineError `LISTEN_FAILED`.
 */
export function listen(options: ListenOptions): HttpListener {
  const { host, port } = options;
  let isClosing = false;
  const fetch: ListenOptions['fetch'] = (request, bindings) =>
    isClosing ? refuse() : options.fetch(request, bindings);
  const server = start({ ...options, fetch });
  return {
    host,
    port: server.port,
    async close(timeoutMs) {
      isClosing = true;
      if (timeoutMs === 0) return server.cut();
      const late = Promise.withResolvers<'late'>();
      const timer = setTimeout(() => late.resolve('late'), timeoutMs);
      try {
        if ((await Promise.race([server.drain(), late.promise])) === 'late') await server.cut();
      } finally {
        clearTimeout(timer);
      }
    },
  };

  function start(startOptions: ListenOptions): EngineServer {
    try {
      if (engines.Bun !== undefined) return serveInBun(engines.Bun, startOptions);
      if (engines.Deno !== undefined) return serveInDeno(engines.Deno, startOptions);
    } catch (error) {
      throw listenFailed(host, port, error);
    }
    throw new SynclineError(
      'LISTEN_FAILED',
      'Only Bun and Deno have a server here; mount syncline.http() in yours.',
    );
  }
}

/** Answers, waits and uploads may stand still longer than connections without a request: streams say something every few seconds. */
const ANSWER_IDLE_S = 120;

function serveInBun(bun: BunEngine, { host, port, idleTimeoutMs, fetch }: ListenOptions): EngineServer {
  const server = bun.serve({
    hostname: host,
    port,
    idleTimeout: Math.ceil(idleTimeoutMs / 1_000),
    // The app has its own limit for each route.
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch(request, self) {
      self.timeout(request, ANSWER_IDLE_S);
      return fetch(request, { upgradeSocket: (data) => self.upgrade(request, { data }) });
    },
    websocket: {
      open: (socket) => socket.data.open(bunSocket(socket)),
      close: (socket) => socket.data.close(),
      message: () => undefined,
      maxPayloadLength: SOCKET_MESSAGE_BYTES_MAX,
    },
  });
  return { port: server.port, drain: () => server.stop(false), cut: () => server.stop(true) };
}

function bunSocket(socket: BunSocket): LiveSocket {
  return {
    send: (text) => void socket.send(text),
    get bufferedBytes() {
      return socket.getBufferedAmount();
    },
    close: (code, reason) => socket.close(code, reason),
  };
}

/** Of messages that nobody reads. */
const SOCKET_MESSAGE_BYTES_MAX = 4_096;

function serveInDeno(deno: DenoEngine, { host, port, fetch }: ListenOptions): EngineServer {
  const abort = new AbortController();
  const handle = async (request: Request): Promise<Response> => {
    let upgraded: Response | undefined;
    const upgradeSocket = (handlers: SocketHandlers): boolean => {
      if (request.headers.get('Upgrade')?.toLowerCase() !== 'websocket') return false;
      const { response, socket } = deno.upgradeWebSocket(request);
      upgraded = response;
      socket.addEventListener('open', () => handlers.open(denoSocket(socket)));
      socket.addEventListener('close', () => handlers.close());
      return true;
    };
    const answer = await fetch(request, { upgradeSocket });
    // The very answer that the engine gave: one with other headers would not become a WebSocket.
    return upgraded ?? answer;
  };
  const server = deno.serve(
    { hostname: host, port, signal: abort.signal, onListen: () => undefined },
    handle,
  );
  let drained: Promise<void> | undefined;
  return {
    port: server.addr.port,
    drain() {
      drained ??= server.shutdown();
      return drained;
    },
    async cut() {
      // Once it drains, Deno 2.9 can cut nothing off any more (and throws when it is asked to): that ends with the process.
      if (drained !== undefined) return;
      abort.abort();
      await server.finished;
    },
  };
}

function denoSocket(socket: WebSocket): LiveSocket {
  return {
    send(text) {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    get bufferedBytes() {
      return socket.bufferedAmount;
    },
    close: (code, reason) => socket.close(code, reason),
  };
}

function refuse(): Response {
  return new Response('The service is stopping.\n', {
    status: 503,
    headers: { Connection: 'close', 'Retry-After': '5' },
  });
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use; end what uses it, or choose another with --port',
  EACCES: 'this user may not; choose a port from 1024 on with --port',
  EADDRNOTAVAIL: 'the address is not of this machine; choose another with --host',
};

function listenFailed(host: string, port: number, error: unknown): SynclineError {
  const { code, name = '', message } = error as NodeJS.ErrnoException;
  // Deno names its errors, Bun has codes.
  const known = { AddrInUse: 'EADDRINUSE', PermissionDenied: 'EACCES', AddrNotAvailable: 'EADDRNOTAVAIL' }[
    name
  ];
  const reason = REASONS[known ?? code ?? ''] ?? message;
  return new SynclineError('LISTEN_FAILED', `Cannot listen on ${host}, port ${port}: ${reason}.`, {
    cause: error,
    details: { host, port },
  });
}
