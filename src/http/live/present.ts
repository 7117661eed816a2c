import type { Failure } from '../../actors/failure.ts';
import type { SyncReport } from '../../domain/sync-report.ts';
import type { ActorTransition } from '../../runtime/actor-transitions.ts';
import type { ActorView } from '../../runtime/actor-view.ts';
import type { SynclineEvent } from '../../runtime/events.ts';
import { publicMessage } from '../problem-kinds.ts';
import { batchJobOf } from '../schemas/batches.ts';
import { isoTime } from '../schemas/common.ts';

/* Actors and events as they go over the wire: times as ISO 8601, and nothing that names folders or servers of this host. */

function presentFailure(failure: Failure | undefined) {
  if (failure === undefined) return undefined;
  const { code, message, retryable } = failure;
  return { code, detail: publicMessage(code, message), retryable };
}

/** See `ActorView`. */
export function presentActor({ context, sinceMs, ...view }: ActorView) {
  const since = sinceMs === undefined ? undefined : isoTime(sinceMs);
  return { ...view, since, context: context && presentContext(context) };
}

function presentContext(context: NonNullable<ActorView['context']>) {
  const failure = presentFailure(context.failure);
  if ('provider' in context) {
    const { failedAtMs, waitUntilMs, ...counts } = context;
    const timeOf = (ms: number | undefined) => (ms === undefined ? undefined : isoTime(ms));
    return { ...counts, failure, failedAt: timeOf(failedAtMs), waitUntil: timeOf(waitUntilMs) };
  }
  if (!('backlog' in context)) return { ...context, failure };
  const { backlog, mend } = context;
  const { oldestChangeAtMs, ...counts } = backlog ?? {};
  const oldestChangeAt = oldestChangeAtMs === undefined ? undefined : isoTime(oldestChangeAtMs);
  return {
    ...context,
    failure,
    backlog: backlog && { ...counts, oldestChangeAt },
    mend: mend && { ...mend, reason: withoutPaths(mend.reason) },
  };
}

/** See `ActorTransition`. */
export function presentTransition({ atMs, ...transition }: ActorTransition) {
  return { ...transition, at: isoTime(atMs) };
}

/** See `SynclineEvent`. */
export function presentEvent({ atMs, ...event }: SynclineEvent): Record<string, unknown> {
  const presented: Record<string, unknown> = { ...event, at: isoTime(atMs) };
  if (event.type === 'provider.state') {
    presented.waitUntil = event.waitUntilMs === undefined ? undefined : isoTime(event.waitUntilMs);
    delete presented.waitUntilMs;
  }
  if ('failure' in event) presented.failure = presentFailure(event.failure);
  if ('reason' in event) presented.reason = withoutPaths(event.reason);
  if ('job' in event) presented.job = batchJobOf(event.job);
  if ('report' in event) presented.report = presentReport(event.report);
  if ('message' in event && event.message !== undefined) {
    presented.detail =
      'code' in event && event.code !== undefined
        ? publicMessage(event.code, event.message)
        : withoutPaths(event.message);
    delete presented.message;
  }
  return presented;
}

function presentReport({ level, inSync, proposal, repaired, reason, ...report }: SyncReport) {
  const { catalogRowCount, tableRowCount, durationMs } = report;
  return {
    level,
    inSync,
    proposal,
    repaired,
    reason: reason && withoutPaths(reason),
    catalogRowCount,
    tableRowCount,
    durationMs,
  };
}

/** Absolute paths, also in `file:` URLs, but not the paths of web addresses. */
const PATHS = /(?<![\w:/.-])(?:file:\/\/)?(?:\/[^\s/:,;'"()[\]]+){2,}\/?/g;

/** A text without the names of files and folders of this host. */
export function withoutPaths(text: string): string {
  return text.replace(PATHS, '(a path of the host)');
}
