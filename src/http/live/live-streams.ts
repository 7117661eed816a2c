import { randomBytes } from 'node:crypto';
import type { Runtime } from '../../runtime/create-runtime.ts';
import { createEventLog } from './event-log.ts';
import { createEventStreams, type EventStreamLimits, type EventStreams } from './event-streams.ts';
import { createSnapshotReader, startLiveFeed } from './live-feed.ts';

/** Events that are kept for readers that come back. */
const EVENTS_KEPT_MAX = 2_048;

/** Signs of life come before Bun and proxies give a still connection up; who takes nothing for so long is gone. */
export const STREAM_TIMES = { heartbeatMs: 5_000, stallMaxMs: 30_000 } as const;

/**
 * The live streams over a runtime. Nothing is recorded before the first reader comes; from then on it is until the runtime
 * stops, so that readers can come back.
 *
 * @param closing - Aborted when the server is about to end, while the runtime still works.
 */
export function createLiveStreams(
  runtime: Runtime,
  limits: EventStreamLimits,
  closing?: AbortSignal,
): () => EventStreams {
  let streams: EventStreams | undefined;
  return () => {
    if (streams !== undefined) return streams;
    const log = createEventLog(randomBytes(6).toString('hex'), EVENTS_KEPT_MAX);
    const opened = createEventStreams(log, createSnapshotReader(runtime, log), limits);
    const stopFeed = startLiveFeed(runtime, log);
    const end = (): void => {
      opened.close();
      stopFeed();
    };
    for (const signal of [runtime.stopping, closing]) signal?.addEventListener('abort', end, { once: true });
    streams = opened;
    return opened;
  };
}
