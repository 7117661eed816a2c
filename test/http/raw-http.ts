import { connect, type Socket } from 'node:net';
import { setTimeout } from 'node:timers';

/** What came back over a raw connection. */
export interface RawAnswer {
  readonly text: string;
  /** Of every answer on the connection, in order. */
  readonly statuses: readonly number[];
  /** Whether the other side closed. */
  readonly closed: boolean;
}

/** A connection that sends what nobody should. */
export interface RawConnection {
  readonly socket: Socket;
  send(bytes: string | Uint8Array): void;
  /** Resolves when the other side closes, or after `waitMs` with what came until then. */
  end(waitMs?: number): Promise<RawAnswer>;
}

export function openRaw(port: number): RawConnection {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  let closed = false;
  const isClosed = new Promise<void>((resolve) => {
    const close = (): void => {
      closed = true;
      resolve();
    };
    socket.on('close', close).on('end', close).on('error', close);
  });
  socket.on('data', (data) => {
    text += data.toString('latin1');
  });
  return {
    socket,
    send: (bytes) => void socket.write(bytes),
    async end(waitMs = 50_000) {
      const timeout = Promise.withResolvers<void>();
      const timer = setTimeout(timeout.resolve, waitMs);
      await Promise.race([isClosed, timeout.promise]);
      clearTimeout(timer);
      socket.destroy();
      const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map((match) => Number(match[1]));
      return { text, statuses, closed };
    },
  };
}

/** Sends bytes and takes what comes until the other side closes. */
export function sendRaw(port: number, bytes: string | Uint8Array, waitMs?: number): Promise<RawAnswer> {
  const connection = openRaw(port);
  connection.send(bytes);
  return connection.end(waitMs);
}
