import { computed, signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { costs, followCosts } from '../core/dataset-costs.ts';
import { chunksOf, type DatasetEntry, rowsPerSecond, timeLeftMs } from '../core/dataset-entry.ts';
import { openFailure } from '../core/failed-runs.ts';
import { formatCompact, formatCount, formatDuration, formatUsd, nowMs, plural } from '../core/format.ts';
import { datasetLink } from '../core/router.ts';
import { canWrite, datasets, isLoaded, watchDataset } from '../core/store.ts';
import type { DatasetStatus } from '../core/types.ts';
import { Choice } from '../ui/controls.tsx';
import { Ago, Badge, Empty } from '../ui/parts.tsx';
import { ChunkBar, PhaseBadge, phaseName, SyncBadge, type SyncState, syncStateOf } from '../ui/state.tsx';
import { AddPage } from './add-page.tsx';

type SortKey = 'created' | 'name' | 'documents' | 'pending' | 'failed';
type StateFilter = 'all' | 'attention' | 'working' | SyncState;

const text = signal('');
const state = signal<StateFilter>('all');
const sort = signal<SortKey>('created');
const isReversed = signal(false);
const page = signal(0);

/** Rows that are drawn at once: what moves among them is bounded, however many datasets there are. */
const ROWS = 50;

const STATES: Readonly<Record<StateFilter, string>> = {
  all: 'Any state',
  attention: 'Needs attention',
  working: 'At work',
  'in sync': 'In sync',
  'catching up': 'Catching up',
  'out of sync': 'Out of sync',
  'with failures': 'With failures',
  'never read': 'Never read',
  empty: 'Empty',
};

const AT_WORK = new Set([
  'processing',
  'rebuilding',
  'repairing',
  'queued',
  'measuring',
  'maintaining',
  'checking',
]);

function fits({ address, status }: DatasetEntry): boolean {
  if (!address.toLowerCase().includes(text.value.trim().toLowerCase())) return false;
  const { phase } = status.value;
  const sync = syncStateOf(status.value);
  if (state.value === 'all') return true;
  if (state.value === 'working') return AT_WORK.has(phase);
  if (state.value === 'attention') return needsAttention(status.value);
  return sync === state.value;
}

function needsAttention(status: DatasetStatus): boolean {
  const { phase } = status;
  const sync = syncStateOf(status);
  if (phase === 'parked' || phase === 'backingOff' || sync === 'out of sync' || sync === 'with failures')
    return true;
  if (status.refusedChangeCount > 0 || status.lastRunError !== undefined) return true;
  return openFailure(status) !== undefined;
}

const ORDERS: Readonly<Record<SortKey, (a: DatasetEntry, b: DatasetEntry) => number>> = {
  created: () => 0,
  name: (a, b) => a.address.localeCompare(b.address),
  documents: (a, b) => b.status.value.counts.documents - a.status.value.counts.documents,
  pending: (a, b) => waitingOf(b) - waitingOf(a),
  failed: (a, b) => b.status.value.counts.chunks.failed - a.status.value.counts.chunks.failed,
};

function waitingOf({ status }: DatasetEntry): number {
  const { chunks, incomingDocuments, queuedDocuments } = status.value.counts;
  return chunks.pending + incomingDocuments + queuedDocuments;
}

const shown = computed(() => {
  const found = [...datasets.value.values()].filter(fits).sort(ORDERS[sort.value]);
  return isReversed.value ? found.reverse() : found;
});

/** All datasets, or how to get the first. */
export function DatasetsPage(): JSX.Element {
  useEffect(() => {
    document.title = 'Datasets · Syncline';
    return followCosts();
  }, []);
  if (!isLoaded.value && datasets.value.size === 0) return <Empty>Loading…</Empty>;
  if (datasets.value.size === 0)
    return canWrite.value ? <AddPage /> : <Empty>There is no dataset yet.</Empty>;
  const pages = Math.max(1, Math.ceil(shown.value.length / ROWS));
  const current = Math.min(page.value, pages - 1);
  return (
    <>
      <div class="page-head">
        <h1>Datasets</h1>
        <Filters />
      </div>
      {shown.value.length === 0 ? <Empty>No dataset fits.</Empty> : <DatasetTable from={current * ROWS} />}
      <Pager current={current} pages={pages} />
    </>
  );
}

function Filters(): JSX.Element {
  return (
    <div class="filters">
      <input
        type="search"
        aria-label="Filter by name"
        placeholder="Filter by name"
        value={text.value}
        onInput={({ currentTarget }) => {
          text.value = currentTarget.value;
          page.value = 0;
        }}
      />
      <Choice
        label="State"
        value={state.value}
        options={STATES}
        onChange={(value) => {
          state.value = value;
          page.value = 0;
        }}
      />
      {canWrite.value && (
        <a class="button primary" href="#/add">
          Add files
        </a>
      )}
    </div>
  );
}

function Pager({ current, pages }: { readonly current: number; readonly pages: number }): JSX.Element {
  const count = shown.value.length;
  const from = current * ROWS;
  return (
    <nav class="pager" aria-label="Pages of the list">
      <span>
        {count > ROWS
          ? `${formatCount(from + 1)} to ${formatCount(Math.min(count, from + ROWS))} of ${plural(count, 'dataset')}`
          : plural(count, 'dataset')}
        {!isLoaded.value && ', loading…'}
      </span>
      {pages > 1 && (
        <>
          <button type="button" class="button" disabled={current === 0} onClick={() => turnTo(current - 1)}>
            Previous
          </button>
          <button
            type="button"
            class="button"
            disabled={current === pages - 1}
            onClick={() => turnTo(current + 1)}
          >
            Next
          </button>
        </>
      )}
    </nav>
  );
}

function turnTo(wanted: number): void {
  page.value = wanted;
  document.getElementById('main')?.scrollIntoView();
}

function DatasetTable({ from }: { readonly from: number }): JSX.Element {
  return (
    <table class="table stack">
      <thead>
        <tr>
          <SortHead by="name">Dataset</SortHead>
          <th scope="col">State</th>
          <SortHead by="documents" isNumber>
            Documents
          </SortHead>
          <SortHead by="pending">Chunks</SortHead>
          <SortHead by="failed" isNumber>
            Failed
          </SortHead>
          <th scope="col" class="number">
            Rate
          </th>
          <th scope="col" class="number">
            Time left
          </th>
          <th scope="col">Last run</th>
          <th scope="col">Next run</th>
          <th scope="col" class="number">
            Cost
          </th>
        </tr>
      </thead>
      <tbody>
        {shown.value.slice(from, from + ROWS).map((entry) => (
          <DatasetRow key={entry.address} entry={entry} />
        ))}
      </tbody>
    </table>
  );
}

function SortHead({
  by,
  isNumber,
  children,
}: {
  readonly by: SortKey;
  readonly isNumber?: boolean;
  readonly children: string;
}): JSX.Element {
  const isSorted = sort.value === by;
  const direction = isReversed.value ? 'descending' : 'ascending';
  const press = (): void => {
    if (isSorted && isReversed.value) sort.value = 'created';
    isReversed.value = isSorted && !isReversed.value;
    if (!isSorted) sort.value = by;
  };
  return (
    <th scope="col" class={isNumber ? 'number' : ''} aria-sort={isSorted ? direction : 'none'}>
      <button type="button" class="sort" onClick={press}>
        {children}
      </button>
    </th>
  );
}

function DatasetRow({ entry }: { readonly entry: DatasetEntry }): JSX.Element {
  const { address } = entry;
  useEffect(() => watchDataset(address), [address]);
  const status = entry.status.value;
  const { total, failed, indexed, earlier } = chunksOf(status);
  const rate = rowsPerSecond(entry, nowMs.value);
  const leftMs = timeLeftMs(entry, nowMs.value);
  const cost = costs.value.get(address);
  const next = status.nextRun?.at;
  const failedRun = openFailure(status);
  const lastError = failedRun?.failure?.detail ?? status.lastRunError;
  return (
    <tr>
      <th scope="row">
        <a href={datasetLink(address)}>{address}</a>
      </th>
      <td data-label="State">
        <SyncBadge status={status} />
        {lastError !== undefined && (
          <Badge tone="bad" title={lastError}>
            {failedRun?.kind ?? 'run'} failed
          </Badge>
        )}
        {status.phase !== 'idle' && phaseName(status.phase) !== 'not running' && (
          <PhaseBadge status={status} />
        )}
      </td>
      <td data-label="Documents" class="number">
        {formatCount(status.counts.documents)}
        {status.counts.incomingDocuments > 0 && (
          <span class="muted"> +{formatCompact(status.counts.incomingDocuments)}</span>
        )}
      </td>
      <td data-label="Chunks" class="chunks">
        <ChunkBar entry={entry} />
        <span class="muted">
          {formatCompact(indexed)} / {formatCompact(total)}
          {earlier > 0 && (
            <span title="Of documents as they were before: found until the change is written">
              {' '}
              +{formatCompact(earlier)} earlier
            </span>
          )}
        </span>
      </td>
      <td data-label="Failed" class={failed > 0 ? 'number bad' : 'number muted'}>
        {formatCount(failed)}
      </td>
      <td data-label="Rate" class={rate > 0 ? 'number' : 'number none'}>
        {rate > 0 ? `${formatCompact(Math.round(rate))}/s` : '–'}
      </td>
      <td data-label="Time left" class={leftMs === undefined ? 'number none' : 'number'}>
        {leftMs === undefined ? '–' : formatDuration(leftMs)}
      </td>
      <td data-label="Last run" class="nowrap">
        <Ago at={status.lastRun?.finishedAt} />
      </td>
      <td data-label="Next run" class={next === undefined ? 'nowrap none' : 'nowrap'}>
        <Ago at={next} />
      </td>
      <td data-label="Cost" class={cost === undefined ? 'number none' : 'number'}>
        {cost === undefined ? '–' : formatUsd(cost)}
      </td>
    </tr>
  );
}
