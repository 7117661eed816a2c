import { computed, effect, signal } from '@preact/signals';
import { ask, client, isLocked, ProblemError, paramOf } from './api.ts';
import { addActivity, createEntry, type DatasetEntry } from './dataset-entry.ts';
import { type LiveEvent, liveState, onLive } from './live.ts';
import { quietly } from './quietly.ts';
import type { DatasetStatus, RuntimeStatus } from './types.ts';

/** All datasets by address, in the order in which they were made. A new map when one comes or goes. */
export const datasets = signal<ReadonlyMap<string, DatasetEntry>>(new Map());

/** Whether the list of datasets is whole. */
export const isLoaded = signal(false);

/** How the worker is. */
export const runtime = signal<RuntimeStatus | undefined>(undefined);

/** Whether controls are shown: a key that may only look has none. */
export const canWrite = computed(() => runtime.value?.access === 'write');

/** How often what has changed is read anew, and how many at once. */
const REFRESH_MS = 400;
const REFRESH_AT_ONCE = 8;
/** Changed datasets from which on reading all in pages costs less. */
const REFRESH_ALL_FROM = 100;
/** After all were read because many change, so many times as long as that took is left to the work itself. */
const REST_FACTOR = 4;
const RUNTIME_MS = 10_000;
const FIRST_PAGE = 60;
const PAGE = 500;

const changed = new Set<string>();
/** Deleted while the page was open: what is still told of them is no reason to ask for them. */
const gone = new Set<string>();
const watched = new Map<string, number>();

/** Says that a dataset is looked at: while it changes, it is read anew before others. */
export function watchDataset(address: string): () => void {
  watched.set(address, (watched.get(address) ?? 0) + 1);
  return () => {
    const left = (watched.get(address) ?? 1) - 1;
    if (left === 0) watched.delete(address);
    else watched.set(address, left);
  };
}

/** Shows at once what is known to come; the next status tells how it is. */
export function showPhase(address: string, phase: string): void {
  const status = datasets.peek().get(address)?.status;
  if (status !== undefined) status.value = { ...status.peek(), phase };
}

/** Has a dataset's status read anew, soon. */
export function touchDataset(address: string): void {
  if (!gone.has(address)) changed.add(address);
}

/** Begins to follow the server. */
export function startStore(): void {
  onLive(take);
  effect(() => {
    // Whenever the stream begins (again), and when another key is there.
    if (liveState.value === 'live' && !isLocked.value) void loadRuntime();
  });
  effect(() => {
    // Something to see while the stream begins; all of it is read when it has.
    if (!isLocked.value) void Promise.all([loadFirst(), loadRuntime()]);
  });
  setInterval(() => void refreshChanged(), REFRESH_MS);
  setInterval(() => {
    if (!document.hidden && !isLocked.value) void loadRuntime();
  }, RUNTIME_MS);
}

function take({ type, data }: LiveEvent): void {
  if (type === 'snapshot') {
    void loadAll();
    return;
  }
  const address = typeof data.address === 'string' ? data.address : undefined;
  const entry = address === undefined ? undefined : datasets.peek().get(address);
  if (type === 'progress' && entry !== undefined) {
    addActivity(entry, {
      atMs: Date.parse(String(data.at)),
      documents: Number(data.documentsWritten),
      texts: Number(data.textsEmbedded),
      rows: Number(data.rowsWritten),
    });
  }
  if (type === 'runtime') takeRuntimeEvent(data, entry);
  if (type === 'transition' && data.actorId === 'supervisor') soon(loadRuntime);
  if (address !== undefined) touchDataset(address);
}

function takeRuntimeEvent(data: LiveEvent['data'], entry: DatasetEntry | undefined): void {
  switch (data.type) {
    case 'dataset.state': {
      // Told at once; what else has changed is read soon.
      const phase = String(data.phase);
      if (phase === 'deleted') forget(String(data.address));
      if (phase === 'deleted' || entry === undefined) return;
      const { failure: _, ...status } = entry.status.peek();
      const failure = data.failure as DatasetStatus['failure'];
      entry.status.value = { ...status, phase, ...(failure && { failure }) };
      return;
    }
    case 'dataset.created':
      gone.delete(String(data.address));
      return;
    case 'supervisor.state':
    case 'provider.answered':
    case 'provider.state':
    case 'lease.lost':
    case 'lease.acquired':
      soon(loadRuntime);
  }
}

function forget(address: string): void {
  gone.add(address);
  const left = new Map(datasets.peek());
  if (left.delete(address)) datasets.value = left;
  changed.delete(address);
}

const due = new Set<() => Promise<void>>();

/** Once, however often it was asked for. */
function soon(load: () => Promise<void>): void {
  if (due.has(load)) return;
  due.add(load);
  setTimeout(() => {
    due.delete(load);
    void load();
  }, 300);
}

async function loadRuntime(): Promise<void> {
  await quietly(async () => {
    runtime.value = await ask(client.value.v1.status.$get());
  });
}

async function loadFirst(): Promise<void> {
  await quietly(async () => {
    const askedAtMs = performance.now();
    const { items } = await ask(client.value.v1.statuses.$get({ query: { limit: String(FIRST_PAGE) } }));
    if (datasets.peek().size === 0)
      merge(new Map(items.map((status) => [status.address, keep(status, askedAtMs)])), true);
  });
}

/** Reads the list of datasets: a small page first, so that there is something to see. */
async function loadAll(): Promise<void> {
  loads += 1;
  try {
    await readAll();
  } finally {
    loads -= 1;
  }
}

async function readAll(): Promise<void> {
  changed.clear();
  gone.clear();
  const found = new Map<string, DatasetEntry>();
  let after: string | undefined;
  let limit = FIRST_PAGE;
  await quietly(async () => {
    do {
      const query = { limit: String(limit), ...(after !== undefined && { after }) };
      const askedAtMs = performance.now();
      const { items, next } = await ask(client.value.v1.statuses.$get({ query }));
      for (const status of items) found.set(status.address, keep(status, askedAtMs));
      after = next;
      // While the first pages of a list come that is known, what is known stays.
      if (datasets.peek().size === 0 || after === undefined || limit === FIRST_PAGE)
        merge(found, after !== undefined);
      limit = PAGE;
    } while (after !== undefined);
    isLoaded.value = true;
  });
}

/** The entry of a dataset with its status, if that was not asked for before the one that is known. */
function keep(status: DatasetStatus, askedAtMs: number): DatasetEntry {
  const known = datasets.peek().get(status.address);
  if (known === undefined) return createEntry(status, askedAtMs);
  if (askedAtMs < known.askedAtMs) return known;
  known.askedAtMs = askedAtMs;
  known.status.value = status;
  return known;
}

function merge(found: ReadonlyMap<string, DatasetEntry>, isPart: boolean): void {
  datasets.value = isPart ? new Map([...datasets.peek(), ...found]) : new Map(found);
}

let isRefreshing = false;
/** Readings of all that are under way: what changes meanwhile is read after them, so that the newest status is the last. */
let loads = 0;

let restUntilMs = 0;

/** Reads those that have changed, those first that are looked at. */
async function refreshChanged(): Promise<void> {
  if (isRefreshing || loads > 0 || changed.size === 0 || document.hidden || liveState.value !== 'live')
    return;
  isRefreshing = true;
  try {
    await refreshSome();
  } finally {
    isRefreshing = false;
  }
}

async function refreshSome(): Promise<void> {
  if (changed.size > REFRESH_ALL_FROM) {
    const beganMs = performance.now();
    if (beganMs < restUntilMs) return;
    await loadAll();
    restUntilMs = performance.now() + (performance.now() - beganMs) * REST_FACTOR;
    return;
  }
  const seen = [...changed].filter((address) => watched.has(address));
  const chosen = [...seen, ...changed].slice(0, REFRESH_AT_ONCE);
  for (const address of chosen) changed.delete(address);
  await Promise.all([...new Set(chosen)].map(refresh));
}

async function refresh(address: string): Promise<void> {
  // It has no status any more; an event tells when it is gone.
  if (datasets.peek().get(address)?.status.peek().phase === 'deleting') return;
  await quietly(async () => {
    try {
      const route = client.value.v1.datasets[':project'][':dataset'].status;
      const askedAtMs = performance.now();
      const entry = keep(await ask(route.$get({ param: paramOf(address) })), askedAtMs);
      if (!datasets.peek().has(address)) datasets.value = new Map([...datasets.peek(), [address, entry]]);
    } catch (error) {
      if (!(error instanceof ProblemError && /^DATASET_(?:NOT_FOUND|DELETING)$/.test(error.code)))
        throw error;
      forget(address);
    }
  });
}
