import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { ask, client } from '../../core/api.ts';
import {
  type Activity,
  chunksOf,
  type DatasetEntry,
  rowsPerSecond,
  timeLeftMs,
} from '../../core/dataset-entry.ts';
import { formatBytes, formatCompact, formatCount, formatDuration, nowMs, plural } from '../../core/format.ts';
import { linkTo } from '../../core/router.ts';
import { ChunkLegend } from '../../ui/chunk-legend.tsx';
import { LineChart, type Point } from '../../ui/line-chart.tsx';
import { Ago, Fact, Section } from '../../ui/parts.tsx';
import { ChunkBar } from '../../ui/state.tsx';

/** How a dataset is, at a glance. */
export function OverviewTab({ entry }: { readonly entry: DatasetEntry }): JSX.Element {
  return (
    <>
      <Progress entry={entry} />
      <Charts entry={entry} />
      <Facts entry={entry} />
    </>
  );
}

function Progress({ entry }: { readonly entry: DatasetEntry }): JSX.Element {
  const { total, indexed, earlier } = chunksOf(entry.status.value);
  const { counts } = entry.status.value;
  const rate = rowsPerSecond(entry, nowMs.value);
  const leftMs = timeLeftMs(entry, nowMs.value);
  return (
    <div class="card progress">
      <div class="progress-head">
        <span class="big">{formatCount(indexed)}</span>
        <span class="muted">of {formatCount(total)} chunks are searchable</span>
        <span class="end muted">
          {rate > 0 && `${formatCompact(Math.round(rate))} a second`}
          {leftMs !== undefined && `, ${formatDuration(leftMs)} left`}
        </span>
      </div>
      <ChunkBar entry={entry} />
      <ChunkLegend entry={entry} />
      {earlier > 0 && (
        <p class="muted">
          Until a change is written, its document is found as it was: {plural(earlier, 'earlier chunk')}.
        </p>
      )}
      {counts.batchedChunks > 0 && (
        <p class="muted">
          {formatCount(counts.batchedChunks)} of those pending are in{' '}
          <a href={linkTo(['batches'])}>batch jobs</a>.
        </p>
      )}
      {counts.incomingDocuments > 0 && (
        <p class="muted">{formatCount(counts.incomingDocuments)} documents wait to be cut into chunks.</p>
      )}
      {counts.target !== undefined && (
        <p class="muted">
          On the way to another configuration: {formatCount(counts.target.chunks.ready)} of{' '}
          {formatCount(
            counts.target.chunks.ready + counts.target.chunks.pending + counts.target.chunks.failed,
          )}{' '}
          chunks are ready, {formatCount(counts.target.uncutDocuments)} documents are to be cut.
        </p>
      )}
    </div>
  );
}

const SHOWN_MS = 300_000;
const STEP_MS = 2_000;
const LAG_EVERY_MS = 5_000;

function Charts({ entry }: { readonly entry: DatasetEntry }): JSX.Element {
  const toMs = nowMs.value;
  const fromMs = toMs - SHOWN_MS;
  return (
    <div class="charts">
      <LineChart
        title="Throughput, chunks written a second"
        points={throughput(entry.activity.value, fromMs, toMs)}
        fromMs={fromMs}
        toMs={toMs}
        least={10}
        format={(value) => `${formatCompact(Math.round(value))}/s`}
      />
      <LineChart
        title="Lag, age of the oldest change that waits"
        points={useLag(entry).filter(({ atMs }) => atMs >= fromMs)}
        fromMs={fromMs}
        toMs={toMs}
        least={10_000}
        format={(value) => (value === 0 ? '0 s' : formatDuration(value))}
      />
    </div>
  );
}

/** What was written in each step; a step without anything is zero. */
function throughput(activity: readonly Activity[], fromMs: number, toMs: number): Point[] {
  const begin = Math.ceil(fromMs / STEP_MS);
  const rows = new Map<number, number>();
  for (const moment of activity) {
    const step = Math.floor(moment.atMs / STEP_MS);
    rows.set(step, (rows.get(step) ?? 0) + moment.rows);
  }
  return Array.from({ length: Math.floor(toMs / STEP_MS) - begin }, (_, place) => ({
    atMs: (begin + place) * STEP_MS,
    value: ((rows.get(begin + place) ?? 0) * 1_000) / STEP_MS,
  }));
}

/** How long the oldest change has waited, looked at while the page is open. */
function useLag({ address, status }: DatasetEntry): readonly Point[] {
  const points = useSignal<readonly Point[]>([]);
  useEffect(() => {
    const look = async (): Promise<void> => {
      const { actorId, phase } = status.peek();
      if (phase === 'deleting') return;
      const atMs = Date.now();
      try {
        const { context } = await ask(client.value.v1.actors[':id'].$get({ param: { id: actorId } }));
        const { oldestChangeAt } = (context?.backlog ?? {}) as { oldestChangeAt?: string };
        const isBehind = oldestChangeAt !== undefined && !status.peek().isUpToDate;
        const value = isBehind ? Math.max(0, atMs - Date.parse(oldestChangeAt)) : 0;
        points.value = [...points.peek().slice(-200), { atMs, value }];
      } catch {
        // A gap in the chart: the banner says what is wrong.
      }
    };
    void look();
    const timer = setInterval(() => void look(), LAG_EVERY_MS);
    return () => clearInterval(timer);
  }, [address]);
  return points.value;
}

function Facts({ entry }: { readonly entry: DatasetEntry }): JSX.Element {
  const { counts, profile, tokensPerChunkMax, table, lastCheck, maintenance, fields } = entry.status.value;
  const declared = Object.entries(fields);
  return (
    <Section title="Facts">
      <dl class="card facts">
        <Fact name="Documents">{formatCount(counts.documents)}</Fact>
        <Fact name="Documents that wait">
          {formatCount(counts.incomingDocuments + counts.queuedDocuments)}
        </Fact>
        <Fact name="Model">
          <code>{profile}</code>
        </Fact>
        <Fact name="Tokens of a chunk, at most">{formatCount(tokensPerChunkMax)}</Fact>
        <Fact name="Rows in the table">{table === undefined ? '–' : formatCount(table.rowCount)}</Fact>
        <Fact name="Size of the table">
          {maintenance === undefined ? '–' : formatBytes(maintenance.table.totalBytes)}
        </Fact>
        <Fact name="Last check">
          {lastCheck === undefined ? (
            'none since the start'
          ) : (
            <>
              {lastCheck.inSync ? 'in sync' : 'out of sync'}, <Ago at={lastCheck.checkedAt} />
            </>
          )}
        </Fact>
        <Fact name="Fields to filter by">
          {declared.length === 0 ? 'none' : declared.map(([name, type]) => `${name} (${type})`).join(', ')}
        </Fact>
      </dl>
    </Section>
  );
}
