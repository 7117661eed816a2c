import { clearTimeout, setTimeout } from 'node:timers';
import type { MiddlewareHandler } from 'hono';
import { createMiddleware } from 'hono/factory';
import type { HttpEnv } from '../environment.ts';
import { HttpError } from '../http-error.ts';

/** A body that comes slower than this has its time used up in the end, however steadily it comes. */
const BYTES_PER_MS_MIN = 1;

/**
 * Ends requests whose body does not come: waiting for all of its bytes together may take `timeoutMs`, and a second more for
 * every kilobyte that came. Only waiting counts, not what the handler does in between.
 */
export function limitBodyTime(timeoutMs: number): MiddlewareHandler<HttpEnv> {
  return createMiddleware<HttpEnv>(async (context, next) => {
    const { raw } = context.req;
    if (raw.body === null) return next();
    let late: HttpError | undefined;
    const body = timed(raw.body, timeoutMs, (error) => {
      late = error;
    });
    context.req.raw = new Request(raw, { body, duplex: 'half' } as RequestInit);
    await next();
    // Whoever read the body may have taken its end for a fault of its contents.
    if (late !== undefined) throw late;
  });
}

function timed(
  body: ReadableStream<Uint8Array>,
  timeoutMs: number,
  onLate: (error: HttpError) => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let leftMs = timeoutMs;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const startMs = performance.now();
        const { done, value } = await within(reader.read(), leftMs, (error) => {
          onLate(error);
          reader.cancel(error).catch(() => undefined);
        });
        leftMs -= performance.now() - startMs;
        if (done) return controller.close();
        leftMs = Math.min(timeoutMs, leftMs + value.length / BYTES_PER_MS_MIN);
        controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

async function within<Value>(
  promise: Promise<Value>,
  timeoutMs: number,
  onLate: (error: HttpError) => void,
): Promise<Value> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => {
      const error = new HttpError('REQUEST_TIMEOUT', 'The body of the request did not come in time.', {
        headers: { Connection: 'close' },
      });
      timeout.reject(error);
      onLate(error);
    },
    Math.max(0, timeoutMs),
  );
  try {
    return await Promise.race([promise, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}
