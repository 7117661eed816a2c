/** A WebSocket that was accepted, whichever engine it is of. Only this side sends. */
export interface LiveSocket {
  send(text: string): void;
  /** What was sent and is not out yet. */
  readonly bufferedBytes: number;
  close(code: number, reason: string): void;
}

/** What is done with a WebSocket. */
export interface SocketHandlers {
  open(socket: LiveSocket): void;
  /** It is closed, by whichever side. */
  close(): void;
}

/** What the server gives the app with each request; absent where the app is mounted in another server. */
export interface ServerBindings {
  /** Makes the request a WebSocket; `false` when it does not ask for one. The answer to the request does not matter then. */
  readonly upgradeSocket?: (handlers: SocketHandlers) => boolean;
}
