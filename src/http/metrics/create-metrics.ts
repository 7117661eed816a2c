import { getLogger } from '@logtape/logtape';
import type { MiddlewareHandler } from 'hono';
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import packageJson from '../../../package.json' with { type: 'json' };
import type { Runtime } from '../../runtime/create-runtime.ts';
import { describeState } from '../../runtime/supervision.ts';
import type { HttpEnv } from '../environment.ts';
import { createDatasetSampler } from './dataset-metrics.ts';
import { createEventMetrics, createGauge } from './event-metrics.ts';
import { createHttpMetrics } from './http-metrics.ts';

/** The metrics of one app. */
export interface Metrics {
  /** Counts requests. */
  readonly middleware: MiddlewareHandler<HttpEnv>;
  readonly contentType: string;
  /** All metrics, in the text format of Prometheus. */
  render(): Promise<string>;
}

const logger = getLogger(['syncline', 'metrics']);

/** How often the event loop is asked whether it is late. */
const LAG_INTERVAL_MS = 200;
const LAG_BUCKETS_S = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const WORKER_STATES = [
  'notStarted',
  'boot',
  'dbEnsure',
  'syncCheck',
  'processing',
  'rebuilding',
  'idle',
  'paused',
  'backingOff',
  'stopping',
] as const;
/** Those of prom-client's own that are right in either engine. */
const PROCESS_METRICS: readonly string[] = [
  'process_cpu_user_seconds_total',
  'process_cpu_system_seconds_total',
  'process_cpu_seconds_total',
  'process_start_time_seconds',
  'process_resident_memory_bytes',
  'process_open_fds',
  'process_max_fds',
  'nodejs_heap_size_total_bytes',
  'nodejs_heap_size_used_bytes',
  'nodejs_external_memory_bytes',
];

/** Counts from now on, in a registry of its own, until the runtime stops. */
export function createMetrics(runtime: Runtime): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const { name } of registry.getMetricsAsArray())
    if (!PROCESS_METRICS.includes(name)) registry.removeSingleMetric(name);
  createGauge(registry, 'info', 'The version that runs.', 'version').set({ version: packageJson.version }, 1);
  const datasets = createDatasetSampler(runtime, registry);
  const count = createEventMetrics(registry);
  const stopEvents = runtime.on((event) => {
    count(event);
    if ('address' in event && event.address !== undefined) datasets.noteChange(event.address);
  });
  const stopLag = measureLag(registry);
  runtime.stopping.addEventListener(
    'abort',
    () => {
      stopEvents();
      stopLag();
    },
    { once: true },
  );
  const sampleRuntime = createRuntimeSampler(runtime, registry);
  const sampleProviders = createProviderSampler(runtime, registry);
  let rendering: Promise<string> | undefined;
  const render = async (): Promise<string> => {
    try {
      await sampleProviders();
      await sampleRuntime();
      await datasets.sample();
    } catch (error) {
      // What was counted is told all the same; the check of the catalog says what is wrong.
      logger.warn('Datasets could not be read: {error}', { error });
    }
    return registry.metrics();
  };
  return {
    middleware: createHttpMetrics(registry),
    contentType: registry.contentType,
    // Those who ask at the same time get the same answer: gauges are set anew for each.
    render() {
      rendering ??= render().finally(() => {
        rendering = undefined;
      });
      return rendering;
    },
  };
}

const PROVIDER_STATES = ['available', 'throttled', 'unavailable', 'probing'] as const;

/** Accounts at one provider are summed up: with two of them the states are counts. */
function createProviderSampler(runtime: Runtime, registry: Registry): () => Promise<void> {
  const state = createGauge(
    registry,
    'provider_state',
    '1 for the state that an embedding provider is in.',
    'provider',
    'state',
  );
  const inFlight = createGauge(registry, 'provider_requests_in_flight', 'Requests in flight.', 'provider');
  const waiting = createGauge(
    registry,
    'provider_requests_waiting',
    'Requests that wait for their turn.',
    'provider',
  );
  return async () => {
    const providers = await runtime.providers();
    for (const gauge of [state, inFlight, waiting]) gauge.reset();
    for (const one of providers) {
      if (one.seenBy !== 'here') continue;
      const { provider } = one;
      for (const each of PROVIDER_STATES) state.inc({ provider, state: each }, one.state === each ? 1 : 0);
      inFlight.inc({ provider }, one.inFlight ?? 0);
      waiting.inc({ provider }, (one.waitingDocumentRequests ?? 0) + (one.waitingQueries ?? 0));
    }
  };
}

function createRuntimeSampler(runtime: Runtime, registry: Registry): () => Promise<void> {
  const state = createGauge(registry, 'worker_state', '1 for the state that the worker is in.', 'state');
  const actors = createGauge(registry, 'actors', 'Actors that live.');
  const check = createGauge(
    registry,
    'ready',
    '1 when what the runtime stands on is in order, else 0.',
    'subject',
  );
  const spent = createGauge(
    registry,
    'spent_today_usd',
    'What embedding has cost today (UTC), in US dollars.',
  );
  const cap = createGauge(registry, 'spend_cap_usd', 'What it may cost, where that is capped.', 'cap');
  const held = createGauge(
    registry,
    'datasets_held',
    'Datasets that wait because a spend cap was reached.',
    'cap',
  );
  const sampleSpend = async (): Promise<void> => {
    const spend = await runtime.spend();
    spent.set(spend.spentTodayUsd);
    cap.reset();
    if (spend.usdPerDayMax !== undefined) cap.set({ cap: 'day' }, spend.usdPerDayMax);
    if (spend.usdPerRunMax !== undefined) cap.set({ cap: 'run' }, spend.usdPerRunMax);
    for (const one of ['day', 'run'] as const)
      held.set({ cap: one }, spend.held.filter((dataset) => dataset.cap === one).length);
  };
  return async () => {
    const { value } = await runtime.actors.get('supervisor');
    for (const one of WORKER_STATES) state.set({ state: one }, describeState(value) === one ? 1 : 0);
    actors.set(runtime.actors.live().length);
    const { checks } = await runtime.health();
    for (const { subject, isOk } of checks) check.set({ subject }, isOk ? 1 : 0);
    await sampleSpend();
  };
}

/** How late timers are: prom-client's own measure is wrong in one of the engines. */
function measureLag(registry: Registry): () => void {
  const lag = new Histogram({
    name: 'syncline_event_loop_lag_seconds',
    help: `How late the event loop was, asked every ${LAG_INTERVAL_MS} ms.`,
    buckets: LAG_BUCKETS_S,
    registers: [registry],
  });
  let dueMs = performance.now() + LAG_INTERVAL_MS;
  const timer = setInterval(() => {
    const nowMs = performance.now();
    lag.observe(Math.max(0, nowMs - dueMs) / 1_000);
    dueMs = nowMs + LAG_INTERVAL_MS;
  }, LAG_INTERVAL_MS);
  timer.unref();
  return () => clearInterval(timer);
}
