import type { LeaseHolder, TaskRecord } from '../index.ts';
import { detailsOf } from './describe-dataset.ts';
import { troubleLines } from './describe-providers.ts';
import { capLines, reachedLines } from './describe-spend.ts';
import { displayWidth } from './display-width.ts';
import { countOf, formatCount, formatDuration, formatTime } from './format-values.ts';
import { printable } from './printable.ts';
import type { DatasetOverview, Overview } from './read-status.ts';
import type { Style } from './style.ts';
import { formatTable, type TableColumn } from './table.ts';

const COLUMNS: readonly TableColumn[] = [
  { heading: 'DATASET', align: 'left' },
  { heading: 'DOCUMENTS', align: 'right' },
  { heading: 'CHUNKS', align: 'right' },
  { heading: 'PENDING', align: 'right' },
  { heading: 'FAILED', align: 'right' },
  { heading: 'INDEXED', align: 'right' },
  { heading: 'STATE', align: 'left' },
  { heading: 'PROFILE', align: 'left' },
];

/** How {@link overviewLines} shows. */
export interface OverviewOptions {
  readonly style: Style;
  readonly nowMs: number;
  /** Columns of the terminal; the profile is left out where the table would not fit. Not given in a pipe. */
  readonly columnsMax: number | undefined;
}

/** The overview as lines: a table of datasets, the worker, the running tasks. */
export function overviewLines(overview: Overview, { style, nowMs, columnsMax }: OverviewOptions): string[] {
  const { catalog, worker, datasets, detail, runningTasks, strangeTables, spend, providers } = overview;
  const table =
    datasets.length === 0
      ? ['There are no datasets. Add documents with "syncline add FOLDER".']
      : datasetTable(datasets, style, columnsMax);
  return [
    ...table,
    '',
    ...datasets.flatMap((dataset) =>
      detail === undefined
        ? []
        : detailsOf(dataset, detail).map(([name, text]) => `${style.dim(`${name}:`)} ${text}`),
    ),
    ...(detail === undefined ? [] : ['']),
    `${style.dim('Catalog:')} ${printable(catalog)}`,
    `${style.dim('Worker:')}  ${describeWorker(worker, nowMs)}`,
    ...capLines(spend).map((text) => `${style.dim('Spent:')}   ${text}`),
    ...reachedLines(spend.held, worker).map((text) => `${style.bold('Cap:')}     ${text}`),
    ...troubleLines(providers, nowMs).map((text) => `${style.dim('Provider:')} ${text}`),
    ...datasets.flatMap((dataset) => describeMaintenanceFailure(dataset) ?? []),
    ...datasets.flatMap(describeRunFailures),
    ...datasets.flatMap((dataset) => describeRefusedChanges(dataset) ?? []),
    ...runningTasks.map((task) => `${style.dim('Running:')} ${describeTask(task, nowMs)}`),
    ...strangeTables.map(
      ({ name, reason }) =>
        `${style.bold('Not of this catalog:')} the table ${printable(name)}. ${printable(reason)}`,
    ),
  ];
}

function datasetTable(
  datasets: readonly DatasetOverview[],
  style: Style,
  columnsMax: number | undefined,
): string[] {
  const rows = datasets.map(toRow);
  const plain = formatTable(COLUMNS, rows, (text) => text);
  const fits = columnsMax === undefined || plain.every((line) => displayWidth(line) <= columnsMax);
  return formatTable(fits ? COLUMNS : COLUMNS.slice(0, -1), rows, style.bold);
}

function toRow(dataset: DatasetOverview): string[] {
  const { address, counts, profile } = dataset;
  const { documents, chunks, indexedChunks } = counts;
  return [
    address,
    formatCount(documents),
    formatCount(chunks.pending + chunks.ready + chunks.failed),
    formatCount(chunks.pending),
    formatCount(chunks.failed),
    formatCount(indexedChunks),
    describeState(dataset),
    profile,
  ];
}

/** One dataset on one line, for a pipe. */
export function datasetLine(dataset: DatasetOverview): string {
  const { address, counts, maintenance } = dataset;
  const { documents, chunks, indexedChunks } = counts;
  const total = chunks.pending + chunks.ready + chunks.failed;
  const failed = chunks.failed > 0 ? `, ${formatCount(chunks.failed)} failed` : '';
  const upkeep = maintenance?.failure === undefined ? '' : ', maintenance fails';
  return `${address}: ${countOf(documents, 'document')}, ${countOf(total, 'chunk')} (${formatCount(indexedChunks)} indexed${failed}), ${describeState(dataset)}${upkeep}`;
}

/** What waits, and where a reconfiguration is. */
function describeState(dataset: DatasetOverview): string {
  const { counts, reconfiguringTo, unreadSources, lastRunError, failedRun, refusedChangeCount, reachedCap } =
    dataset;
  const still = [
    ...(reachedCap === null ? [] : [`spend cap of the ${reachedCap} reached`]),
    ...(unreadSources.length > 0 ? [`never read: ${unreadSources.map(printable).join(', ')}`] : []),
    ...((lastRunError ?? failedRun) === undefined ? [] : ['last run failed']),
    ...(refusedChangeCount === 0 ? [] : [`${countOf(refusedChangeCount, 'change')} set aside`]),
  ];
  const state = [...describeWaiting(counts), ...still].join('; ') || 'up to date';
  if (reconfiguringTo === undefined || counts.target === undefined) return state;
  const { uncutDocuments, chunks } = counts.target;
  const left = [
    ...(uncutDocuments > 0 ? [`${countOf(uncutDocuments, 'document')} to chunk`] : []),
    ...(chunks.pending > 0 ? [`${countOf(chunks.pending, 'chunk')} to embed`] : []),
  ];
  const toGo = left.length === 0 ? 'its table is built' : left.join(', ');
  return `${state}; changing to ${reconfiguringTo.profile}: ${toGo}`;
}

/** A warning when the upkeep of a dataset's table fails: nothing is lost, but the table grows. */
export function describeMaintenanceFailure({ address, maintenance }: DatasetOverview): string | undefined {
  if (maintenance?.failure === undefined) return undefined;
  const { failure, failureCount, lastRunAtMs } = maintenance;
  const times = failureCount > 1 ? `, ${failureCount} times in a row` : '';
  return `Warning: the table of ${address} could not be maintained (${formatTime(lastRunAtMs)}${times}): ${failure.code}: ${printable(failure.message)}`;
}

/** Warnings when the newest scheduled run of a dataset has failed, or the newest of all: by a call, a hook, a watcher. */
function describeRunFailures({ address, lastRunError, failedRun, nextRun }: DatasetOverview): string[] {
  const next = nextRun === undefined ? '' : ` Its next: ${formatTime(nextRun.atMs)}.`;
  return [
    ...(lastRunError === undefined
      ? []
      : [`Warning: the last scheduled run of ${address} failed: ${printable(lastRunError)}${next}`]),
    // That of a schedule is a run as well.
    ...(failedRun === undefined || failedRun.error === lastRunError
      ? []
      : [
          `Warning: the last run of ${address} (${failedRun.kind}, ${formatTime(failedRun.finishedAtMs)}) failed: ${printable(failedRun.error ?? 'nobody knows why')}`,
        ]),
  ];
}

/** A warning when deletions wait for somebody to allow or drop them. */
function describeRefusedChanges({ address, refusedChangeCount }: DatasetOverview): string | undefined {
  if (refusedChangeCount === 0) return undefined;
  return `Warning: ${countOf(refusedChangeCount, 'change')} of ${address} would delete too much at once and ${refusedChangeCount === 1 ? 'was' : 'were'} set aside. List them: "syncline changes list ${address}"; do them: "syncline index ${address} --allow-mass-deletion"; or forget them: "syncline changes drop ${address}".`;
}

function describeWaiting(counts: DatasetOverview['counts']): string[] {
  const { incomingDocuments, queuedDocuments, chunks, batchedChunks } = counts;
  const toEmbed = Math.max(0, chunks.pending - batchedChunks);
  const waiting = [
    ...(incomingDocuments > 0 ? [`${countOf(incomingDocuments, 'document')} to chunk`] : []),
    ...(toEmbed > 0 ? [`${countOf(toEmbed, 'chunk')} to embed`] : []),
    ...(batchedChunks > 0 ? [`${countOf(batchedChunks, 'chunk')} in batch jobs`] : []),
    ...(queuedDocuments > 0 ? [`${countOf(queuedDocuments, 'document')} to write`] : []),
  ];
  return waiting.length === 0 ? [] : [`waiting: ${waiting.join(', ')}`];
}

/** What a host's name ends with where PIDs are of a namespace; of no use to people. */
const PID_NAMESPACE = / pid:\[\d+\]$/;

/** Who works on the catalog, and for how long when `nowMs` is given. */
export function describeWorker(worker: LeaseHolder | null, nowMs?: number): string {
  if (worker === null) return 'none';
  const { pid, host, startedAtMs } = worker;
  const age = nowMs === undefined ? '' : ` (${formatDuration(nowMs - startedAtMs)})`;
  return `process ${pid} on ${printable(host.replace(PID_NAMESPACE, ''))}, since ${formatTime(startedAtMs)}${age}`;
}

function describeTask({ kind, startedAtMs, progress }: TaskRecord, nowMs: number): string {
  const counts = Object.entries(progress)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${formatCount(count)} ${name.replace(/Count$/, '')}`);
  return [`${kind} for ${formatDuration(nowMs - startedAtMs)}`, ...counts].join(', ');
}
