import type { SyncReport } from '../domain/sync-report.ts';
import type { EventHub } from './events.ts';

/** A sync check, and when it was told. */
export interface LoggedCheck extends SyncReport {
  readonly atMs: number;
}

/** The newest sync check of each dataset, for as long as the runtime lives: the next one is cheap, so that none is kept for longer. */
export interface CheckLog {
  last(address: string): LoggedCheck | undefined;
}

export function createCheckLog(hub: EventHub): CheckLog {
  const last = new Map<string, LoggedCheck>();
  hub.on((event) => {
    if (event.type === 'sync.checked') last.set(event.address, { ...event.report, atMs: event.atMs });
  });
  return { last: (address) => last.get(address) };
}
