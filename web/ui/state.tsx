import type { JSX } from 'preact';
import { chunksOf, type DatasetEntry } from '../core/dataset-entry.ts';
import type { DatasetStatus } from '../core/types.ts';
import { Bar } from './bar.tsx';
import { Badge, type Tone } from './parts.tsx';

/** What a dataset is doing, in words for people, and how it is to be looked at. */
const PHASES: Readonly<Record<string, readonly [string, Tone]>> = {
  notRunning: ['not running', 'still'],
  checking: ['checking', 'busy'],
  measuring: ['measuring', 'busy'],
  queued: ['queued', 'busy'],
  processing: ['processing', 'busy'],
  maintaining: ['maintaining', 'busy'],
  repairing: ['repairing', 'busy'],
  rebuilding: ['rebuilding', 'busy'],
  idle: ['idle', 'ok'],
  backingOff: ['backing off', 'warn'],
  parked: ['parked', 'bad'],
  paused: ['paused', 'still'],
  deleting: ['deleting', 'busy'],
};

export function phaseName(phase: string): string {
  return PHASES[phase]?.[0] ?? phase;
}

export function PhaseBadge({ status }: { readonly status: DatasetStatus }): JSX.Element {
  const [name, tone] = PHASES[status.phase] ?? [status.phase, 'still'];
  return (
    <Badge tone={tone} {...(status.failure && { title: status.failure.detail })}>
      {name}
    </Badge>
  );
}

/** Whether what is searched is what was taken in. */
export type SyncState = 'in sync' | 'catching up' | 'out of sync' | 'with failures' | 'never read' | 'empty';

export function syncStateOf(status: DatasetStatus): SyncState {
  if (status.lastCheck?.inSync === false) return 'out of sync';
  if (isWaiting(status)) return 'catching up';
  if (status.counts.chunks.failed > 0) return 'with failures';
  if (status.unreadSources.length > 0) return 'never read';
  return status.counts.documents === 0 ? 'empty' : 'in sync';
}

/** Whether something that was taken in cannot be searched yet; what is in a source that was never read was not. */
export function isWaiting({ counts }: DatasetStatus): boolean {
  return counts.incomingDocuments + counts.queuedDocuments + counts.chunks.pending > 0;
}

const SYNC_TONES: Readonly<Record<SyncState, Tone>> = {
  'in sync': 'ok',
  'catching up': 'busy',
  'out of sync': 'bad',
  'with failures': 'warn',
  'never read': 'warn',
  empty: 'still',
};

export function SyncBadge({ status }: { readonly status: DatasetStatus }): JSX.Element {
  const state = syncStateOf(status);
  return <Badge tone={SYNC_TONES[state]}>{state}</Badge>;
}

/** How far a dataset's chunks are. */
export function ChunkBar({ entry }: { readonly entry: DatasetEntry }): JSX.Element {
  const { pending, ready, failed, indexed } = chunksOf(entry.status.value);
  return (
    <Bar
      label="Chunks"
      parts={[
        { name: 'indexed', count: indexed, tone: 'ok' },
        { name: 'embedded, being written', count: ready - indexed, tone: 'busy' },
        { name: 'pending', count: pending, tone: 'wait' },
        { name: 'failed', count: failed, tone: 'bad' },
      ]}
    />
  );
}
