import type { SynclineEvent } from '../index.ts';
import { countOf, formatDuration } from './format-values.ts';
import { printable } from './printable.ts';

/** What a dataset did since it was last idle. */
interface Tally {
  readonly sinceMs: number;
  documents: number;
  embedded: number;
  rows: number;
}

/**
 * Turns events into lines for people: one for each thing that someone would want to know of, nothing for each batch. What
 * batches did is summed up when their dataset comes to rest.
 */
export function createEventDescriber(): (event: SynclineEvent) => string | undefined {
  const tallies = new Map<string, Tally>();
  const tallyOf = (address: string, atMs: number): Tally => {
    const tally = tallies.get(address) ?? { sinceMs: atMs, documents: 0, embedded: 0, rows: 0 };
    tallies.set(address, tally);
    return tally;
  };
  const openJobs = new Map<number, string | undefined>();
  return (event) => {
    if (event.type === 'batch.state') {
      const { batchJobId, address, finishedAtMs } = event.job;
      if (finishedAtMs === undefined) openJobs.set(batchJobId, address);
      else openJobs.delete(batchJobId);
    }
    switch (event.type) {
      case 'documents.applied':
        tallyOf(event.address, event.atMs).documents += event.added + event.changed + event.removed;
        return undefined;
      case 'texts.embedded':
        tallyOf(event.address, event.atMs).embedded += event.texts;
        return undefined;
      case 'batch.harvested':
        if (event.address !== undefined) tallyOf(event.address, event.atMs).embedded += event.texts;
        return undefined;
      case 'table.written':
        tallyOf(event.address, event.atMs).rows += event.rows;
        return undefined;
      case 'dataset.state': {
        if (event.phase !== 'idle') return describePhase(event);
        const tally = tallies.get(event.address);
        tallies.delete(event.address);
        const jobs = [...openJobs].flatMap(([id, address]) => (address === event.address ? [id] : []));
        return tally && `${event.address}: ${describeStanding(jobs)}: ${describeTally(tally, event.atMs)}`;
      }
      default:
        return describeOther(event);
    }
  };
}

function describeStanding(openJobs: readonly number[]): string {
  if (openJobs.length === 0) return 'up to date';
  return `all done but batch ${openJobs.length === 1 ? 'job' : 'jobs'} ${openJobs.join(', ')}`;
}

function describeTally({ documents, embedded, rows, sinceMs }: Tally, atMs: number): string {
  const done = `${countOf(documents, 'document')} changed, ${countOf(embedded, 'chunk')} embedded`;
  return `${done}, ${countOf(rows, 'row')} written in ${formatDuration(atMs - sinceMs)}`;
}

function describePhase(event: Extract<SynclineEvent, { type: 'dataset.state' }>): string | undefined {
  const { address, phase, failure } = event;
  const reason = failure === undefined ? '' : `: ${failure.code}: ${printable(failure.message)}`;
  switch (phase) {
    case 'backingOff':
      return `${address}: will try again${reason}`;
    case 'parked':
      return `${address}: parked${reason}`;
    case 'deleting':
    case 'deleted':
      return `${address}: ${phase}`;
    default:
      return undefined;
  }
}

function describeOther(event: SynclineEvent): string | undefined {
  switch (event.type) {
    case 'supervisor.state': {
      const { state, failure } = event;
      if (state !== 'backingOff' || failure === undefined) return undefined;
      return `Will try again: ${failure.code}: ${printable(failure.message)}`;
    }
    case 'lease.lost':
      return `Lease lost: ${printable(event.failure.message)}`;
    case 'lease.waiting':
      return `Waiting for the lease: ${printable(event.failure.message)}`;
    case 'lease.renewalFailed':
      return `Lease not renewed, will try again: ${printable(event.failure.message)}`;
    case 'lease.releaseFailed':
      return `Lease not given back, it ends when it expires: ${printable(event.failure.message)}`;
    case 'dataset.created':
      return `${event.address}: created`;
    case 'document.refused':
      return `${event.address}: refused "${printable(event.key)}": ${event.code}: ${printable(event.message)}`;
    case 'watch.ready': {
      const how = event.mode === 'polling' ? ', by looking for changes every second' : '';
      return `${event.address}: watching ${printable(event.source)}${how}`;
    }
    case 'watch.failed': {
      const { address, source, code, message, willRetry } = event;
      const next = willRetry ? ' Will try again.' : '';
      return `${address}: source ${printable(source)}: ${code}: ${printable(message)}${next}`;
    }
    case 'watch.limitReached':
      return `${countOf(event.sources, 'source')} not watched: a worker watches ${event.sourcesMax}. Raise watchedSourcesMax, or set a schedule for index runs: "syncline schedule set".`;
    case 'provider.state': {
      const { provider, state, failure, waitUntilMs, atMs } = event;
      if (state === 'probing') return undefined;
      if (state === 'available') return `${printable(provider)} is available`;
      const wait = waitUntilMs === undefined ? '' : `, next try in ${formatDuration(waitUntilMs - atMs)}`;
      const reason = failure === undefined ? '' : `: ${failure.code}: ${printable(failure.message)}`;
      return `${printable(provider)} is ${state}${wait}${reason}`;
    }
    case 'text.cut':
      return `${event.address}: chunk ${event.chunkId} is too long for its model; the first ${event.tokensKept} of its ${event.tokens} tokens were embedded`;
    case 'text.failed':
      if (!event.gaveUp) return undefined;
      return `${event.address}: a chunk was given up: ${event.code}: ${printable(event.message)}`;
    case 'spend.capReached': {
      const until =
        event.untilMs === undefined
          ? 'until it is resumed'
          : `until ${new Date(event.untilMs).toISOString()}`;
      return `${event.address}: paused ${until}: the spend cap of $${event.usdMax} a ${event.cap} is reached; a larger spend.${event.cap === 'day' ? 'usdPerDayMax' : 'usdPerRunMax'} lets it go on`;
    }
    case 'spend.capEnded':
      return `${event.address}: goes on, the spend cap of the ${event.cap} holds it no longer`;
    case 'queries.notCharged':
      return `What was searched for ${event.queries} times is not charged yet: ${event.code}: ${printable(event.message)}`;
    case 'batch.state': {
      const { batchJobId, status, textCount, error, address } = event.job;
      const reason = error === undefined ? '' : `: ${printable(error)}`;
      return `${address ?? 'A dataset that is gone'}: batch job ${batchJobId} with ${countOf(textCount, 'text')} is ${status}${reason}`;
    }
    case 'table.restored':
      return `${event.address}: table put back from version ${event.fromVersion} to ${event.toVersion}, as the catalog has it`;
    case 'sync.checked':
      if (event.report.inSync) return undefined;
      return `${event.address}: out of sync: ${printable(event.report.reason ?? '')}`;
    case 'sync.repaired':
      return `${event.address}: table repaired in place, ${countOf(event.rowsRemoved, 'row')} removed, ${countOf(event.documents, 'document')} to write again`;
    case 'table.salvaged':
      return `The catalog is older than the table ${event.table}: ${countOf(event.vectors, 'vector')} taken over from it${event.dropped ? ', then dropped' : ''}`;
    case 'table.maintenanceFailed': {
      const { failureCount, retryInMs, code, message } = event;
      const times = failureCount > 1 ? ` ${failureCount} times in a row` : '';
      return `${event.address}: maintenance of the table failed${times}, next try in ${formatDuration(retryInMs)}: ${code}: ${printable(message)}`;
    }
    case 'table.indexDamaged':
      return `${event.address}: an index of the table is damaged and is made anew`;
    case 'table.rebuilt':
      return `${event.address}: new table with ${countOf(event.rows, 'row')}, because ${printable(event.reason)}`;
    default:
      return describeRuns(event);
  }
}

/** What failed of runs over sources, and of what else is listed as a task. */
function describeRuns(event: SynclineEvent): string | undefined {
  switch (event.type) {
    case 'task.ended': {
      const { taskId, kind, address, state, code, message = '' } = event;
      if (state !== 'failed') return undefined;
      return `${address ?? 'A dataset that is gone'}: ${kind} (task ${taskId}) failed: ${code ?? ''}: ${printable(message)}`;
    }
    case 'schedule.failed':
      return `${event.address}: scheduled run (${event.run}) failed: ${event.code}: ${printable(event.message)}${describeRetry(event)}`;
    case 'hook.failed': {
      const next = event.willRetry ? ' Will try again.' : '';
      return `${event.address}: what was told to have changed is not indexed: ${event.code}: ${printable(event.message)}${next}`;
    }
    case 'changes.refused':
      return `${event.address}: ${countOf(event.changes, 'change')} of ${printable(event.table)} set aside: ${event.code}: ${printable(event.message)} To forget them: "syncline changes drop ${event.address}".`;
    case 'dataset.declarationFailed':
      return `${event.address}: not as declared: ${event.code}: ${printable(event.message)}`;
    case 'source.notCleaned':
      return `${event.address}: source ${printable(event.source)}: nothing was removed, as a record could not be made out`;
    default:
      return undefined;
  }
}

function describeRetry({
  atMs,
  retryAtMs,
}: {
  readonly atMs: number;
  readonly retryAtMs: number | undefined;
}): string {
  return retryAtMs === undefined ? '' : ` Will try again in ${formatDuration(retryAtMs - atMs)}.`;
}
