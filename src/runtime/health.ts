import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Catalog } from '../catalog/catalog.ts';
import { isSynclineError, toSynclineError } from '../domain/errors.ts';
import type { RuntimeCore } from './core.ts';
import type { EventHub } from './events.ts';
import type { HeldDataset } from './held-datasets.ts';
import type { OwnProviderStatus } from './providers/provider-status.ts';
import { describeState } from './supervision.ts';

/** What a runtime stands on. */
export type HealthSubject = 'catalog' | 'lease' | 'provider' | 'disk' | 'spend' | 'watching';

/** How one of those is. */
export interface HealthCheck {
  readonly subject: HealthSubject;
  readonly isOk: boolean;
  /** The code of what is wrong, where there is one. */
  readonly code: string | undefined;
  /** In one sentence, without names of hosts or folders. */
  readonly detail: string;
}

export interface RuntimeHealth {
  /**
   * Everything that a runtime is asked for can be expected to work. A spend cap that was reached is wanted, and sources that are not
   * kept up with are served as they were: neither changes anything about it.
   */
  readonly isReady: boolean;
  readonly checks: readonly HealthCheck[];
}

/** How the newest request to an embedder ended. */
export interface ProviderLog {
  /** The failure of the provider that was seen last, if nothing has succeeded since; `undefined` when it is too old to count. */
  failure(): { readonly code: string; readonly provider: string } | undefined;
}

/** A catalog that does not answer for so long is out of order. */
const CATALOG_WAIT_MS = 3_000;
/** So that one who is not asked any more while it is not ready becomes ready again, and is asked. */
const PROVIDER_FAILURE_COUNTS_MS = 60_000;
/** Below this, commits and transactions are about to fail. */
const FREE_BYTES_MIN = 67_108_864;

export function createProviderLog(hub: EventHub, nowMs: () => number): ProviderLog {
  const failures = new Map<
    string,
    { readonly code: string; readonly provider: string; readonly atMs: number }
  >();
  hub.on((event) => {
    if (event.type !== 'provider.answered') return;
    const { provider, model, code, atMs } = event;
    const key = `${provider}/${model}`;
    if (code?.startsWith('PROVIDER_')) failures.set(key, { code, provider, atMs });
    else if (code === undefined) failures.delete(key);
  });
  return {
    failure: () => [...failures.values()].find(({ atMs }) => nowMs() - atMs < PROVIDER_FAILURE_COUNTS_MS),
  };
}

/** What is worth telling, and no reason to send nobody here. */
const TOLD_ONLY: readonly HealthSubject[] = ['spend', 'watching'];

/** Looks at everything that a runtime stands on; takes a few seconds at most, and never throws. */
export async function checkHealth(core: RuntimeCore): Promise<RuntimeHealth> {
  const checks = [
    await checkCatalog(core),
    checkWorker(core),
    checkProvider(core),
    await checkDisk(core),
    await checkSpend(core),
    checkWatching(core),
  ];
  return { isReady: checks.every(({ isOk, subject }) => isOk || TOLD_ONLY.includes(subject)), checks };
}

async function checkCatalog(core: RuntimeCore): Promise<HealthCheck> {
  try {
    const lease = await inTime(core, (catalog) => catalog.readLease());
    if (lease !== 'late') return ok('catalog', 'It answers.');
    return bad('catalog', 'CATALOG_UNREACHABLE', `It does not answer within ${CATALOG_WAIT_MS} ms.`);
  } catch (error) {
    if (isSynclineError(error, 'CATALOG_MISSING'))
      return ok('catalog', 'There is none yet; the first ingestion makes it.');
    return bad('catalog', toSynclineError(error).code, 'It cannot be read.');
  }
}

async function inTime<Answer>(
  { catalog, clock }: RuntimeCore,
  read: (catalog: Catalog) => Promise<Answer>,
): Promise<Answer | 'late'> {
  const late = Promise.withResolvers<'late'>();
  const callOff = clock.setTimer(CATALOG_WAIT_MS, () => late.resolve('late'));
  try {
    const reading = catalog().then(read);
    // Who is not waited for any more may still fail.
    reading.catch(() => undefined);
    return await Promise.race([reading, late.promise]);
  } finally {
    callOff();
  }
}

const WORKING_STATES = ['syncCheck', 'processing', 'rebuilding', 'idle', 'running', 'paused'];

function checkWorker({ supervision, workerFailure, stopAsked }: RuntimeCore): HealthCheck {
  if (stopAsked) return bad('lease', 'RUNTIME_STOPPED', 'The runtime is stopping.');
  if (supervision === undefined) {
    if (workerFailure !== undefined) return bad('lease', workerFailure.code, 'The worker has ended.');
    return ok('lease', 'No worker runs here; this runtime searches, and writes when it is called.');
  }
  const { value, context } = supervision.actor.getSnapshot();
  const state = describeState(value);
  if (WORKING_STATES.includes(state)) return ok('lease', `The worker holds the lease; it is ${state}.`);
  return bad('lease', context.failure?.code, `The worker is ${state}.`);
}

function checkProvider({ providers, fleet, clock }: RuntimeCore): HealthCheck {
  const out = fleet.list().find((provider) => isOut(provider, clock.nowMs()));
  if (out !== undefined) {
    const what = out.state === 'probing' ? 'is tried again' : 'is not asked at the moment';
    return bad('provider', out.failure?.code, `An embedding provider fails and ${what}.`);
  }
  const failure = providers.failure();
  if (failure === undefined) return ok('provider', 'No request to an embedding provider has failed lately.');
  return bad('provider', failure.code, 'The newest request to an embedding provider has failed.');
}

async function checkSpend(core: RuntimeCore): Promise<HealthCheck> {
  const waiting = core.spend.held().length + (await heldElsewhere(core)).length;
  if (waiting === 0) return ok('spend', 'No dataset waits because a spend cap was reached.');
  const datasets = waiting === 1 ? 'A dataset waits' : `${waiting} datasets wait`;
  return bad('spend', 'SPEND_CAP_REACHED', `${datasets} because a spend cap was reached; searches go on.`);
}

/** None where the catalog does not tell: that is told by its own check. */
async function heldElsewhere(core: RuntimeCore): Promise<readonly HeldDataset[]> {
  try {
    const stored = await inTime(core, (catalog) => catalog.listSpendHolds());
    return stored === 'late' ? [] : core.spend.holds.elsewhere(stored);
  } catch {
    return [];
  }
}

function checkWatching({ watching, options }: RuntimeCore): HealthCheck {
  const { watchedCount, unwatchedCount, failures } = watching.standing();
  if (unwatchedCount > 0) {
    const not = unwatchedCount === 1 ? 'One source is' : `${unwatchedCount} sources are`;
    const detail = `${not} not watched: a worker watches ${options.watchedSourcesMax} (option watchedSourcesMax). Raise it, or give their datasets a schedule for index runs.`;
    return bad('watching', undefined, detail);
  }
  const [first] = failures;
  if (first !== undefined)
    return bad(
      'watching',
      first.code,
      `Of ${watchedCount} watched sources, ${failures.length} cannot be kept up with.`,
    );
  if (watchedCount === 0) return ok('watching', 'No source is watched here.');
  return ok('watching', 'What changes in watched sources is kept up with.');
}

/** One that is probed by whoever asks next counts as out only for a while, for the same reason as a failure does. */
function isOut({ state, failedAtMs = 0 }: OwnProviderStatus, nowMs: number): boolean {
  if (state === 'unavailable') return true;
  return state === 'probing' && nowMs - failedAtMs < PROVIDER_FAILURE_COUNTS_MS;
}

async function checkDisk({ catalogPath, options }: RuntimeCore): Promise<HealthCheck> {
  const folders = [...(catalogPath === undefined ? [] : [dirname(catalogPath)]), options.vectorsUri];
  for (const folder of folders) {
    const freeBytes = await freeBytesOf(folder);
    if (freeBytes === undefined || freeBytes >= FREE_BYTES_MIN) continue;
    const [free, least] = [freeBytes, FREE_BYTES_MIN].map((bytes) => Math.floor(bytes / 1_048_576));
    return bad('disk', 'DISK_FULL', `${free} MB are free; at least ${least} MB are needed.`);
  }
  return ok('disk', 'There is space.');
}

/** Free space where a folder is or will be; `undefined` where that cannot be told. */
async function freeBytesOf(folder: string): Promise<number | undefined> {
  for (let path = folder; ; path = dirname(path)) {
    try {
      const { bavail, bsize } = await statfs(path);
      return bavail * bsize;
    } catch {
      // Not made yet, perhaps: then it will be in the one above.
      if (dirname(path) === path) return undefined;
    }
  }
}

function ok(subject: HealthSubject, detail: string): HealthCheck {
  return { subject, isOk: true, code: undefined, detail };
}

function bad(subject: HealthSubject, code: string | undefined, detail: string): HealthCheck {
  return { subject, isOk: false, code, detail };
}
