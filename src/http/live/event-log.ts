/** What a live event is about, and so the name that it has in the stream. */
export type LiveEventType = 'transition' | 'task' | 'progress' | 'runtime';

/** One event of the live stream. */
export interface LiveEvent {
  /** Its place: one more than that of the event before. */
  readonly seq: number;
  readonly type: LiveEventType;
  /** The dataset that it is about, if it is about one. */
  readonly address: string | undefined;
  /** As it goes over the wire, made once for all who listen. */
  readonly json: string;
}

/** The newest events, as many as there is room for: whoever was away for a while goes on where he was. */
export interface EventLog {
  /** Tells this log from one before a restart, whose places mean nothing here. */
  readonly id: string;
  /** The place of the newest event; 0 before the first. */
  readonly lastSeq: number;
  /** The place of the oldest event that is still here. */
  readonly firstSeq: number;
  append(event: Omit<LiveEvent, 'seq'>): void;
  /** Up to `limit` events after a place, oldest first. */
  after(seq: number, limit: number): LiveEvent[];
  /** How many listen. */
  readonly listenerCount: number;
  /** Calls `listener` after every event that is appended; returns the function that ends that. */
  onAppend(listener: () => void): () => void;
}

export function createEventLog(id: string, eventsMax: number): EventLog {
  /** The event with the place `seq` is at `seq % eventsMax`. */
  const ring: LiveEvent[] = [];
  const listeners = new Set<() => void>();
  let lastSeq = 0;
  const firstSeq = (): number => Math.max(1, lastSeq - eventsMax + 1);
  return {
    id,
    get lastSeq() {
      return lastSeq;
    },
    get firstSeq() {
      return firstSeq();
    },
    get listenerCount() {
      return listeners.size;
    },
    append(event) {
      lastSeq += 1;
      ring[lastSeq % eventsMax] = { ...event, seq: lastSeq };
      for (const listener of [...listeners]) listener();
    },
    after(seq, limit) {
      const events: LiveEvent[] = [];
      for (let next = Math.max(seq + 1, firstSeq()); next <= lastSeq && events.length < limit; next += 1) {
        const event = ring[next % eventsMax];
        if (event !== undefined) events.push(event);
      }
      return events;
    },
    onAppend(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
