import type { ParsedJson } from './parsed-json.ts';

/** One server-sent event, as a client reads it. */
export interface SentEvent {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: ParsedJson;
}

/** A client of an event stream, over a real connection. */
export interface EventClient {
  readonly response: Response;
  /** Everything that came so far; comments are events called `comment`. */
  readonly events: SentEvent[];
  /** Waits for the first event that fits, also among those that came. */
  next(fits: (event: SentEvent) => boolean, timeoutMs?: number): Promise<SentEvent>;
  /** Resolves when the server has ended the stream, or it broke. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

export async function openEventStream(
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<EventClient> {
  const abort = new AbortController();
  const response = await fetch(url, { headers, signal: abort.signal });
  const events: SentEvent[] = [];
  const waiting = new Set<() => void>();
  const read = async (): Promise<void> => {
    let text = '';
    const decoder = new TextDecoder();
    try {
      for await (const bytes of response.body ?? []) {
        text += decoder.decode(bytes, { stream: true });
        const parts = text.split('\n\n');
        text = parts.pop() ?? '';
        events.push(...parts.map(parse));
        for (const wake of waiting) wake();
      }
    } catch {
      // Closed by us, or broken off: the test looks at what came.
    }
  };
  const ended = read();
  return {
    response,
    events,
    ended,
    async next(fits, timeoutMs = 10_000) {
      const over = AbortSignal.timeout(timeoutMs);
      for (;;) {
        const found = events.find(fits);
        if (found !== undefined) return found;
        if (over.aborted) throw new Error(`No such event among ${JSON.stringify(events)}`);
        const { promise, resolve } = Promise.withResolvers<void>();
        waiting.add(resolve);
        over.addEventListener('abort', () => resolve(), { once: true });
        await promise;
        waiting.delete(resolve);
      }
    },
    async close() {
      abort.abort();
      await ended;
    },
  };
}

function parse(block: string): SentEvent {
  const fields = new Map<string, string>();
  for (const line of block.split('\n')) {
    const colon = line.indexOf(':');
    fields.set(line.slice(0, colon) || 'comment', line.slice(colon + 1).trim());
  }
  const comment = fields.get('comment');
  const data = fields.get('data');
  return {
    id: fields.get('id'),
    event: comment === undefined ? (fields.get('event') ?? 'retry') : 'comment',
    data: data === undefined ? comment : JSON.parse(data),
  };
}
