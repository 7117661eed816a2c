import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { SynclineEvent } from '../../runtime/events.ts';

/** Embedders that are told apart; reconfigurations can bring more in the life of a process. */
const EMBEDDERS_MAX = 20;

/** From a local embedder to a provider that is about to time out. */
const REQUEST_BUCKETS_S = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const TASK_BUCKETS_S = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 14_400];

/** Counts what a runtime tells. Labels are of small, fixed sets. */
export function createEventMetrics(registry: Registry): (event: SynclineEvent) => void {
  const registers = [registry];
  const counter = <Label extends string>(name: string, help: string, ...labelNames: readonly Label[]) =>
    new Counter({ name: `syncline_${name}`, help, labelNames, registers });
  const documents = counter(
    'documents_applied_total',
    'Documents that were compared with the catalog.',
    'result',
  );
  const chunks = counter(
    'chunks_cut_total',
    'Chunks of changed documents: kept with their vectors, or new.',
    'result',
  );
  const textsFailed = counter('texts_failed_total', 'Refusals of single texts by a provider.', 'gave_up');
  const rows = counter('rows_written_total', 'Rows that were committed to tables and marked.');
  const commits = counter('table_commits_total', 'Commits to tables.');
  const rebuilds = counter('table_rebuilds_total', 'Tables that were built anew.');
  const repairs = counter('table_repairs_total', 'Tables that were repaired in place or put back.', 'kind');
  const checks = counter('sync_checks_total', 'Sync checks, by how closely they looked.', 'level', 'result');
  const maintenances = counter('maintenance_total', 'Maintenances of tables.', 'result');
  const refused = counter('documents_refused_total', 'Documents that were not taken in.');
  const leases = counter(
    'lease_events_total',
    'Leases taken, given back, lost, and renewals that failed.',
    'event',
  );
  const observeRequest = createRequestMetrics(registry);
  const observeTask = createTaskMetrics(registry);
  return (event) => {
    switch (event.type) {
      case 'documents.applied':
        for (const result of ['added', 'changed', 'unchanged', 'removed'] as const)
          documents.inc({ result }, event[result]);
        chunks.inc({ result: 'kept' }, event.chunksKept);
        chunks.inc({ result: 'added' }, event.chunksAdded);
        return;
      case 'document.refused':
        return refused.inc();
      case 'provider.answered':
        return observeRequest(event);
      case 'text.failed':
        return textsFailed.inc({ gave_up: String(event.gaveUp) });
      case 'table.written':
        rows.inc(event.rows);
        return commits.inc();
      case 'table.rebuilt':
        return rebuilds.inc();
      case 'table.restored':
        return repairs.inc({ kind: 'putBack' });
      case 'sync.repaired':
        return repairs.inc({ kind: 'repair' });
      case 'sync.checked':
        return checks.inc({ level: event.report.level, result: event.report.inSync ? 'inSync' : 'differs' });
      case 'table.maintained':
        return maintenances.inc({ result: 'done' });
      case 'table.maintenanceFailed':
        return maintenances.inc({ result: 'failed' });
      case 'task.ended':
        return observeTask(event);
      case 'lease.acquired':
      case 'lease.released':
      case 'lease.releaseFailed':
      case 'lease.renewalFailed':
      case 'lease.lost':
        return leases.inc({ event: event.type.slice('lease.'.length) });
    }
  };
}

function createRequestMetrics(registry: Registry) {
  const registers = [registry];
  const labelNames = ['provider', 'model', 'purpose'] as const;
  const requests = new Counter({
    name: 'syncline_embedding_requests_total',
    help: 'Requests to embedders; outcome is ok, or the code of the error.',
    labelNames: [...labelNames, 'outcome'] as const,
    registers,
  });
  const seconds = new Histogram({
    name: 'syncline_embedding_request_seconds',
    help: 'How long requests to embedders took.',
    labelNames,
    buckets: REQUEST_BUCKETS_S,
    registers,
  });
  const texts = new Counter({
    name: 'syncline_embedding_texts_total',
    help: 'Texts that were embedded.',
    labelNames,
    registers,
  });
  const tokens = new Counter({
    name: 'syncline_embedding_tokens_total',
    help: 'Tokens that providers charged for, where they say so.',
    labelNames,
    registers,
  });
  const cost = new Counter({
    name: 'syncline_embedding_cost_usd_total',
    help: 'What that cost in US dollars, where the price is known.',
    labelNames,
    registers,
  });
  const known = new Set<string>();
  return (event: Extract<SynclineEvent, { type: 'provider.answered' }>): void => {
    const { purpose, durationMs, code } = event;
    const key = `${event.provider}/${event.model}`;
    if (known.size < EMBEDDERS_MAX) known.add(key);
    const { provider, model } = known.has(key) ? event : { provider: 'other', model: 'other' };
    const labels = { provider, model, purpose };
    requests.inc({ ...labels, outcome: code ?? 'ok' });
    seconds.observe(labels, durationMs / 1_000);
    if (code !== undefined) return;
    texts.inc(labels, event.texts);
    if (event.tokensCharged !== undefined) tokens.inc(labels, event.tokensCharged);
    if (event.costUsd !== undefined) cost.inc(labels, event.costUsd);
  };
}

function createTaskMetrics(registry: Registry) {
  const seconds = new Histogram({
    name: 'syncline_task_seconds',
    help: 'How long tasks took, by how they ended.',
    labelNames: ['kind', 'state'] as const,
    buckets: TASK_BUCKETS_S,
    registers: [registry],
  });
  return ({ kind, state, durationMs }: Extract<SynclineEvent, { type: 'task.ended' }>): void =>
    seconds.observe({ kind, state }, durationMs / 1_000);
}

/** A gauge that is set when metrics are asked for. */
export function createGauge<Label extends string>(
  registry: Registry,
  name: string,
  help: string,
  ...labelNames: readonly Label[]
): Gauge<Label> {
  return new Gauge({ name: `syncline_${name}`, help, labelNames, registers: [registry] });
}
