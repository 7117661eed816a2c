import { batch, effect, signal } from '@preact/signals';
import { apiKey, isLocked, keyHeader, lock, SERVER_URL } from './api.ts';

/** How the one stream of events stands. */
export const liveState = signal<'connecting' | 'live' | 'reconnecting'>('connecting');

/** An event as it came; what `data` is says docs/state.md. */
export interface LiveEvent {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
}

type Listener = (event: LiveEvent) => void;

const listeners = new Set<Listener>();

/** Calls `listener` with every event of the stream; returns the function that ends that. */
export function onLive(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** A sign of life comes every 5 seconds. */
const SILENCE_MAX_MS = 15_000;
const WAITS_MS = [250, 500, 1_000, 2_000, 3_000];

/** Keeps the stream open for as long as there is a key that is taken: read with `fetch`, as the key goes into a header. */
export function startLive(): void {
  let running: AbortController | undefined;
  effect(() => {
    // A new key is another stream.
    void apiKey.value;
    running?.abort();
    running = undefined;
    if (isLocked.value) return;
    running = new AbortController();
    void follow(running.signal);
  });
}

async function follow(signal: AbortSignal): Promise<void> {
  let lastId: string | undefined;
  let failures = 0;
  while (!signal.aborted) {
    const silence = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const sign = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MAX_MS);
    };
    try {
      sign();
      const response = await fetch(`${SERVER_URL}/v1/events`, {
        headers: { ...keyHeader(), ...(lastId !== undefined && { 'Last-Event-ID': lastId }) },
        signal: AbortSignal.any([signal, silence.signal]),
      });
      if (response.status === 401) return lock();
      if (!response.ok || response.body === null) throw new Error(`Status ${response.status}`);
      failures = 0;
      liveState.value = 'live';
      await readEvents(response.body, sign, (id) => {
        lastId = id;
      });
    } catch {
      // Broken off, silent, or nobody there: the next try tells.
    } finally {
      clearTimeout(timer);
    }
    if (signal.aborted) return;
    liveState.value = 'reconnecting';
    await waitMs(WAITS_MS[Math.min(failures, WAITS_MS.length - 1)] ?? 0, signal);
    failures += 1;
  }
}

async function readEvents(
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  sign: () => void,
  remember: (id: string) => void,
): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    sign();
    text += value;
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    // All that came at once is drawn at once.
    batch(() => {
      for (const block of blocks) take(block, remember);
    });
  }
}

function take(block: string, remember: (id: string) => void): void {
  let type = '';
  let data = '';
  for (const line of block.split('\n')) {
    if (line.startsWith('event: ')) type = line.slice(7);
    else if (line.startsWith('data: ')) data = line.slice(6);
    else if (line.startsWith('id: ')) remember(line.slice(4));
  }
  if (type === '' || data === '') return;
  const event: LiveEvent = { type, data: JSON.parse(data) };
  for (const listener of listeners) listener(event);
}

function waitMs(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
