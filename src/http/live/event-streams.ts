import type { EventLog, LiveEvent } from './event-log.ts';

/** How many streams there may be, and how long each may take. */
export interface EventStreamLimits {
  readonly streamsMax: number;
  /** Between two signs of life of a stream on which nothing happens. */
  readonly heartbeatMs: number;
  /** How long a reader may take nothing before it is dropped. */
  readonly stallMaxMs: number;
}

/** What a reader asks for. */
export interface EventStreamRequest {
  /** The `id` of the last event that the reader has seen. */
  readonly lastEventId: string | undefined;
  readonly wants: (event: LiveEvent) => boolean;
}

/** The live streams of one app. */
export interface EventStreams {
  /** `undefined` when there are as many streams as there may be. */
  open(request: EventStreamRequest): ReadableStream<Uint8Array> | undefined;
  /** How many are open. */
  readonly size: number;
  /** Ends all of them, with a word. */
  close(): void;
}

interface Reader {
  readonly wants: EventStreamRequest['wants'];
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  /** The place of the last event that was looked at for it. */
  seq: number;
  /** Wakes the pull that waits for something to send; absent while the reader has not taken what was sent. */
  wake: (() => void) | undefined;
  /** Heartbeats since it last took something. */
  stalledBeats: number;
}

/** Events that are sent at once, at most: they are what waits in memory for one reader. */
const EVENTS_PER_CHUNK_MAX = 64;
/** How long a client that was cut off waits before it comes back, in milliseconds. */
const RETRY_MS = 2_000;

const encoder = new TextEncoder();

/**
 * Streams of server-sent events over one log. No reader has a queue of its own: each is a place in the log, and is sent the
 * next events when it has taken the last ones. One that falls behind the log, or takes nothing for too long, is dropped.
 */
export function createEventStreams(
  log: EventLog,
  /** The present state, as the JSON of a `snapshot`. */
  snapshot: () => string,
  limits: EventStreamLimits,
): EventStreams {
  const readers = new Set<Reader>();
  let stopWatching: (() => void) | undefined;

  const leave = (reader: Reader): void => {
    readers.delete(reader);
    reader.wake?.();
    if (readers.size > 0) return;
    stopWatching?.();
    stopWatching = undefined;
  };

  const end = (reader: Reader, event: 'dropped' | 'end', reason: string): void => {
    if (!readers.has(reader)) return;
    reader.controller.enqueue(encoder.encode(`event: ${event}\ndata: ${JSON.stringify({ reason })}\n\n`));
    reader.controller.close();
    leave(reader);
  };

  const beat = (): void => {
    for (const reader of [...readers]) {
      // Nothing waits for it: it has taken all that was sent.
      if ((reader.controller.desiredSize ?? 0) > 0) {
        reader.stalledBeats = 0;
        reader.controller.enqueue(encoder.encode(': ping\n\n'));
        continue;
      }
      reader.stalledBeats += 1;
      const isStalled = reader.stalledBeats * limits.heartbeatMs > limits.stallMaxMs;
      if (isStalled || reader.seq < log.firstSeq - 1) end(reader, 'dropped', 'slow');
    }
  };

  const watch = (): void => {
    const timer = setInterval(beat, limits.heartbeatMs);
    const stopListening = log.onAppend(() => {
      for (const { wake } of readers) wake?.();
    });
    stopWatching = () => {
      clearInterval(timer);
      stopListening();
    };
  };

  /** Sends what comes next; waits for it where there is nothing. */
  const pull = async (reader: Reader): Promise<void> => {
    reader.stalledBeats = 0;
    while (readers.has(reader)) {
      if (reader.seq < log.firstSeq - 1) return end(reader, 'dropped', 'slow');
      const events = log.after(reader.seq, EVENTS_PER_CHUNK_MAX);
      reader.seq = events.at(-1)?.seq ?? reader.seq;
      const wanted = events.filter(reader.wants);
      if (wanted.length > 0) {
        reader.controller.enqueue(encoder.encode(wanted.map((event) => frame(log, event)).join('')));
        return;
      }
      if (events.length === 0) await nextEvent(reader);
    }
  };

  const open = ({ lastEventId, wants }: EventStreamRequest): ReadableStream<Uint8Array> | undefined => {
    if (readers.size >= limits.streamsMax) return undefined;
    const { seq, head } = beginning(log, lastEventId, snapshot);
    let reader: Reader | undefined;
    return new ReadableStream<Uint8Array>(
      {
        start(controller) {
          reader = { wants, controller, seq, wake: undefined, stalledBeats: 0 };
          readers.add(reader);
          if (stopWatching === undefined) watch();
          controller.enqueue(encoder.encode(head));
        },
        pull: () => (reader === undefined ? undefined : pull(reader)),
        cancel: () => {
          if (reader !== undefined) leave(reader);
        },
      },
      { highWaterMark: 1 },
    );
  };

  return {
    open,
    get size() {
      return readers.size;
    },
    close() {
      for (const reader of [...readers]) end(reader, 'end', 'stopping');
    },
  };
}

/** Waits until something was appended, or the reader has left. */
function nextEvent(reader: Reader): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  reader.wake = () => {
    reader.wake = undefined;
    resolve();
  };
  return promise;
}

/** What a stream begins with, and the place from which on it goes on. */
function beginning(
  log: EventLog,
  lastEventId: string | undefined,
  snapshot: () => string,
): { readonly seq: number; readonly head: string } {
  const retry = `retry: ${RETRY_MS}\n\n`;
  const { lastSeq, firstSeq } = log;
  const seen = lastEventId === undefined ? undefined : placeOf(log, lastEventId);
  if (seen !== undefined && seen >= firstSeq - 1) return { seq: seen, head: retry };
  const id = `id: ${log.id}.${lastSeq}\n`;
  const state = `${id}event: snapshot\ndata: ${snapshot()}\n\n`;
  if (lastEventId === undefined) return { seq: lastSeq, head: retry + state };
  const missed = seen === undefined ? null : firstSeq - 1 - seen;
  const reason = seen === undefined ? 'unknownId' : 'tooOld';
  const gap = `${id}event: gap\ndata: ${JSON.stringify({ reason, missed })}\n\n`;
  return { seq: lastSeq, head: retry + gap + state };
}

/** `undefined` for an id that this log never gave. */
function placeOf(log: EventLog, eventId: string): number | undefined {
  const [logId, seqText = ''] = eventId.split('.');
  if (logId !== log.id || !/^\d{1,15}$/.test(seqText)) return undefined;
  const seq = Number(seqText);
  return seq <= log.lastSeq ? seq : undefined;
}

function frame({ id }: EventLog, { seq, type, json }: LiveEvent): string {
  return `id: ${id}.${seq}\nevent: ${type}\ndata: ${json}\n\n`;
}
