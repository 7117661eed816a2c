import type { Registry } from 'prom-client';
import { isSynclineError } from '../../domain/errors.ts';
import type { Runtime } from '../../runtime/create-runtime.ts';
import type { DatasetStatus } from '../../runtime/dataset-status.ts';
import { createGauge } from './event-metrics.ts';

/** Datasets that have series of their own; all others are summed up as one called `other`. */
const DATASETS_SHOWN_MAX = 200;
const OTHER = 'other';
/** Statuses that are read for one answer, at most; those of datasets that changed come first. */
const READS_PER_ANSWER_MAX = 100;
/** Datasets that are kept in mind; further ones are counted, and not looked at. */
const DATASETS_KNOWN_MAX = 20_000;
const DATASETS_PER_PAGE = 500;
/** A status that nothing was told of is read again all the same: another process may be the worker. */
const FRESH_MS = 60_000;

interface Known {
  status: DatasetStatus | undefined;
  readAtMs: number;
  /** Something was told of it since. */
  isChanged: boolean;
}

/** What is known of each dataset, read again little by little. */
export interface DatasetSampler {
  /** To be called with the address of every dataset that something is told of. */
  noteChange(address: string): void;
  /** Reads some statuses again, and sets the gauges. */
  sample(): Promise<void>;
}

export function createDatasetSampler(runtime: Runtime, registry: Registry): DatasetSampler {
  const known = new Map<string, Known>();
  const show = createDatasetGauges(registry);
  return {
    noteChange(address) {
      const dataset = known.get(address);
      if (dataset !== undefined) dataset.isChanged = true;
    },
    async sample() {
      await findDatasets(runtime, known);
      await readSome(runtime, known);
      show(known);
    },
  };
}

async function findDatasets(runtime: Runtime, known: Map<string, Known>): Promise<void> {
  const found = new Set<string>();
  let after: string | undefined;
  do {
    const page = await runtime.listDatasets({
      limit: DATASETS_PER_PAGE,
      ...(after !== undefined && { after }),
    });
    for (const { address, isDeleting } of page.items) if (!isDeleting) found.add(address);
    after = page.next;
  } while (after !== undefined && found.size < DATASETS_KNOWN_MAX);
  for (const address of known.keys()) if (!found.has(address)) known.delete(address);
  for (const address of found) {
    if (!known.has(address))
      known.set(address, { status: undefined, readAtMs: Number.NEGATIVE_INFINITY, isChanged: true });
  }
}

async function readSome(runtime: Runtime, known: Map<string, Known>): Promise<void> {
  const nowMs = performance.now();
  const due = [...known]
    .filter(([, { isChanged, readAtMs }]) => isChanged || nowMs - readAtMs > FRESH_MS)
    .sort(
      ([, one], [, other]) =>
        Number(other.isChanged) - Number(one.isChanged) || one.readAtMs - other.readAtMs,
    );
  for (const [address, dataset] of due.slice(0, READS_PER_ANSWER_MAX)) {
    // Before it is read: what is told meanwhile counts.
    dataset.isChanged = false;
    dataset.readAtMs = nowMs;
    try {
      dataset.status = await runtime.dataset(address).status();
    } catch (error) {
      if (!isSynclineError(error, 'DATASET_NOT_FOUND', 'DATASET_DELETING')) throw error;
      known.delete(address);
    }
  }
}

/** Sets a dataset's gauges; those of `other` are added up. */
function createDatasetGauges(registry: Registry): (known: ReadonlyMap<string, Known>) => void {
  const gauge = (name: string, help: string) => createGauge(registry, name, help, 'dataset');
  const total = createGauge(registry, 'datasets', 'Datasets in the catalog.');
  const unread = createGauge(
    registry,
    'datasets_unread',
    'Datasets whose numbers are not read yet; they come with later answers.',
  );
  const phases = createGauge(registry, 'datasets_in_phase', 'Datasets by what is done with them.', 'phase');
  const documents = gauge('documents', 'Documents in the catalog.');
  const chunks = createGauge(
    registry,
    'chunks',
    'Chunks in the catalog, by whether they have a vector.',
    'dataset',
    'status',
  );
  const queue = createGauge(
    registry,
    'queue_documents',
    'Documents that wait: incoming to be cut, unwritten to be in the table.',
    'dataset',
    'queue',
  );
  const rows = gauge('table_rows', 'Rows of the serving table at its last mark.');
  const fragments = gauge('table_fragments', 'Fragments of the table after its last maintenance.');
  const bytes = gauge('table_bytes', 'Bytes of the table after its last maintenance.');
  const inSync = gauge(
    'table_in_sync',
    '1 when the newest sync check of this process found no difference, else 0.',
  );
  const failing = gauge('maintenance_failing', 'Failures in a row of the maintenance of the table.');
  const all = [phases, documents, chunks, queue, rows, fragments, bytes, inSync, failing];

  const add = (dataset: string, status: DatasetStatus): void => {
    const { counts, table, maintenance, lastCheck } = status;
    phases.inc({ phase: status.phase });
    documents.inc({ dataset }, counts.documents);
    for (const state of ['pending', 'ready', 'failed'] as const)
      chunks.inc({ dataset, status: state }, counts.chunks[state]);
    queue.inc({ dataset, queue: 'incoming' }, counts.incomingDocuments);
    queue.inc({ dataset, queue: 'unwritten' }, counts.queuedDocuments);
    rows.inc({ dataset }, table?.rowCount ?? 0);
    if (maintenance !== undefined) {
      fragments.inc({ dataset }, maintenance.table.fragmentCount);
      bytes.inc({ dataset }, maintenance.table.totalBytes);
      failing.inc({ dataset }, maintenance.failure === undefined ? 0 : maintenance.failureCount);
    }
    // One that differs makes all others differ.
    if (lastCheck !== undefined) setLeast(dataset, lastCheck.inSync ? 1 : 0);
  };
  let least = new Map<string, number>();
  const setLeast = (dataset: string, value: number): void => {
    least.set(dataset, Math.min(value, least.get(dataset) ?? 1));
    inSync.set({ dataset }, least.get(dataset) ?? value);
  };

  return (known) => {
    least = new Map();
    for (const one of all) one.reset();
    total.set(known.size);
    unread.set([...known.values()].filter(({ status }) => status === undefined).length);
    let shown = 0;
    for (const [address, { status }] of known) {
      shown += 1;
      if (status !== undefined) add(shown <= DATASETS_SHOWN_MAX ? address : OTHER, status);
    }
  };
}
