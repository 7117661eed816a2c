import type { DatasetPhase } from '../../src/actors/dataset-machine.ts';
import { statement } from '../../src/catalog/sql-driver.ts';
import { hasSource, readEverything, setUpFeed } from './feed-workload.ts';
import { textHashHex, vectorOf } from './ledger.ts';
import { latestRows } from './memory-tables.ts';
import { Violation } from './observer.ts';
import { LEASE_TTL_MS } from './sim-runtime.ts';
import { POISON, type Revision, type SourceDataset } from './source.ts';
import {
  addRuntime,
  dropDataset,
  follow,
  ingest,
  remove,
  startWorking,
  stopRuntime,
  throwComplaints,
  type UsedRuntime,
  type Workload,
} from './workload.ts';

/** Longer than the longest backoff, in milliseconds of the simulated clock. */
const QUIET_WITHIN_MS = 12 * 60_000;
const STEPS_MAX = 20_000;
/** The same where there are batch jobs: the next is made an hour after some that brought nothing. */
const BATCH_QUIET_WITHIN_MS = 3 * 3_600_000;
const BATCH_STEPS_MAX = 60_000;
/** How often the user asks for the same. */
const ATTEMPTS_MAX = 5;
/** Steps between two looks whether it is enough. */
const LOOK_EVERY = 5;

/** The trouble ends. Everything has to come right by itself, then by what a user would do, and agree in the end. */
export async function converge(workload: Workload): Promise<void> {
  const { world } = workload.sim;
  world.note('the trouble ends');
  world.endFaults();
  for (const used of workload.runtimes) if (used.process.state === 'frozen') used.process.thaw();
  resumeAll(workload);
  await until(workload, 'what is under way ends', () =>
    [...workload.runtimes].every(({ calls }) => calls.size === 0),
  );
  await until(workload, 'a started runtime leaves nothing undone', () => isNothingLeft(workload));
  for (const used of workload.runtimes) if (!used.isStopping) stopRuntime(workload, used);
  await until(workload, 'every runtime stops', () => workload.runtimes.size === 0);
  await finish(workload);
  checkAgreement(workload);
}

function resumeAll(workload: Workload): void {
  for (const used of workload.runtimes) {
    if (!used.isStarted || used.isStopping || used.core.supervision === undefined) continue;
    for (const { address } of workload.datasets) {
      follow(workload, used, `resume ${address}`, used.runtime.dataset(address).resume('user'));
    }
  }
}

/** Takes steps until something holds. */
export async function until(workload: Workload, what: string, holds: () => boolean): Promise<void> {
  const { world } = workload.sim;
  const hasBatch = world.plan.batch !== undefined;
  const endMs = world.nowMs() + (hasBatch ? BATCH_QUIET_WITHIN_MS : QUIET_WITHIN_MS);
  const stepsMax = hasBatch ? BATCH_STEPS_MAX : STEPS_MAX;
  await world.settle();
  for (let steps = 0; steps % LOOK_EVERY !== 0 || !holds(); steps += 1) {
    if (!(await world.step()) && !holds())
      throw new Violation(`Nothing happens any more, but not yet: ${what}.`);
    throwComplaints(workload);
    if (world.nowMs() > endMs || steps > stepsMax) {
      const calls = [...workload.runtimes].flatMap((used) => [...used.calls].map(({ name }) => name));
      throw new Violation(`Waited in vain until ${what}. Calls under way: ${calls.join('; ') || 'none'}.`);
    }
  }
}

/** Also a table that is being built, and another way of cutting that is prepared. */
const WAITING = `
  select p.name || '/' || d.name from datasets d join projects p on p.project_id = d.project_id
  where d.state = 'deleting' or d.target_configuration_id is not null
    or exists (select 1 from generations g where g.dataset_id = d.dataset_id and g.state = 'building')
    or exists (select 1 from noted_changes n join dataset_sources s on s.dataset_id = n.dataset_id
               where n.dataset_id = d.dataset_id)
    or exists (select 1 from incoming i where i.dataset_id = d.dataset_id)
    or exists (select 1 from chunks c where c.configuration_id = d.configuration_id and c.embedding_status = 'pending')
    or exists (select 1 from generations g join index_queue q on q.generation_id = g.generation_id
               where g.dataset_id = d.dataset_id and g.state = 'serving')`;

const JOBS = 'select 1 from batch_jobs where tidied = 0 limit 1';

/** Whether nothing waits for a runtime that works. One that was parked waits for its user. */
function isNothingLeft(workload: Workload): boolean {
  const { database } = workload.sim;
  const workers = [...workload.runtimes].filter(({ isStarted, isStopping }) => isStarted && !isStopping);
  const [worker] = workers.filter(({ core }) => core.supervision !== undefined);
  if (worker === undefined) return true;
  if (database.rows(JOBS).length > 0) return false;
  return database.rows(WAITING).every(([address]) => isParked(worker, workload, String(address)));
}

function isParked(worker: UsedRuntime, workload: Workload, address: string): boolean {
  return phaseOf(worker, workload, address) === 'parked';
}

function phaseOf({ core }: UsedRuntime, { sim }: Workload, address: string): DatasetPhase | undefined {
  const [row] = sim.database.rows(
    `select dataset_id from datasets d join projects p on p.project_id = d.project_id where p.name || '/' || d.name = ?`,
    address,
  );
  return core.actors.standing(Number(row?.[0]))?.phase;
}

/** Phases in which a table may be found wanting, and put right. */
const UNSETTLED: readonly (DatasetPhase | undefined)[] = [
  'checking',
  'measuring',
  'queued',
  'repairing',
  'rebuilding',
  'backingOff',
];

/** What the user does in the end: asks once more for what was not confirmed, and retries what was given up. */
async function finish(workload: Workload): Promise<void> {
  const { world, database, ledger } = workload.sim;
  const paidBefore = new Map(ledger.paid);
  const used = addRuntime(workload);
  const done = (what: string) => until(workload, what, () => used.calls.size === 0);
  await startAtLast(workload, used);
  await until(workload, 'a new runtime leaves nothing undone', () => isNothingLeft(workload));
  for (const dataset of workload.datasets) checkAllowed(workload, dataset);
  for (const dataset of workload.datasets) if (dataset.isGoing) dropDataset(workload, used, dataset);
  await done('datasets are deleted');
  // After batch jobs that brought nothing a call may be told to come again later.
  for (let attempt = 0; attempt < ATTEMPTS_MAX && workload.datasets.some(isOpen); attempt += 1) {
    for (const dataset of workload.datasets) repeatUnconfirmed(workload, used, dataset);
    await done('what was not confirmed is repeated');
    await until(workload, 'what was repeated leaves nothing undone', () => isNothingLeft(workload));
  }
  for (const { address } of workload.datasets) {
    if (database.rows(FAILED, address).length === 0) continue;
    follow(workload, used, `index ${address}`, used.runtime.dataset(address).index({ retryFailed: true }));
  }
  await done('what was given up is tried again');
  await until(workload, 'nothing is left undone in the end', () => isNothingLeft(workload));
  await checkDeeply(workload, used);
  for (const dataset of workload.datasets) {
    if (!isOpen(dataset)) continue;
    throw new Violation(`A call about ${dataset.address} fails although nothing is wrong any more.`);
  }
  stopRuntime(workload, used);
  await until(workload, 'the last runtime stops', () => workload.runtimes.size === 0);
  for (const [text, times] of ledger.paid) {
    const again = times - (paidBefore.get(text) ?? 0);
    if (again > 1) throw new Violation(`"${text}" was paid for ${again} times although nothing went wrong.`);
  }
  world.note('the end');
}

/** Syncline's own check says so, too, once what was damaged in between was put right: no queue in the catalog tells of that. */
async function checkDeeply(workload: Workload, used: UsedRuntime): Promise<void> {
  await until(workload, 'no table is being put right', () =>
    workload.datasets.every(({ address }) => !UNSETTLED.includes(phaseOf(used, workload, address))),
  );
  for (const { address } of workload.datasets) {
    if (workload.sim.database.rows(GENERATIONS, address).length === 0) continue;
    const checking = used.runtime.dataset(address).check({ level: 'deep' });
    const checked = checking.then((report) => {
      if (!report.inSync) workload.complaints.push(`The deep check of ${address}: ${JSON.stringify(report)}`);
    });
    follow(workload, used, `check ${address}`, checked);
  }
  await until(workload, 'the check ends', () => used.calls.size === 0);
}

/** A process that was killed leaves its lease behind, which runs out. */
async function startAtLast(workload: Workload, used: UsedRuntime): Promise<void> {
  const { world } = workload.sim;
  for (let attempt = 0; attempt < 3; attempt += 1) {
    startWorking(workload, used);
    await until(workload, 'a new runtime starts', () => used.calls.size === 0);
    if (used.isStarted) return;
    const endMs = world.nowMs() + LEASE_TTL_MS;
    world.wait(LEASE_TTL_MS);
    await until(workload, 'the lease of a killed process has run out', () => world.nowMs() >= endMs);
  }
  throw new Violation('A new runtime does not start although nothing is wrong any more.');
}

/** Whether some call about a dataset was not confirmed. */
function isOpen({ allowed, isGoing }: SourceDataset): boolean {
  return isGoing || [...allowed.values()].some((revisions) => revisions.length > 1);
}

function repeatUnconfirmed(workload: Workload, used: UsedRuntime, dataset: SourceDataset): void {
  if (dataset.feed !== undefined) {
    readAgain(workload, used, dataset);
    return;
  }
  const open = [...dataset.allowed].filter(([, revisions]) => revisions.length > 1);
  const wanted = new Map<string, Revision>();
  const unwanted: string[] = [];
  for (const [key, revisions] of open) {
    const last = revisions.at(-1);
    if (last === undefined) unwanted.push(key);
    else wanted.set(key, last);
  }
  if (wanted.size > 0) ingest(workload, used, dataset, wanted, 'sync');
  if (unwanted.length > 0) remove(workload, used, dataset, unwanted);
}

/** What a source has is read from end to end. */
function readAgain(workload: Workload, used: UsedRuntime, dataset: SourceDataset): void {
  if (!hasSource(workload, dataset)) setUpFeed(workload, used, dataset);
  else readEverything(workload, used, dataset, { allowMassDeletion: true });
}

const DOCUMENTS = `
  select o.key, t.content, o.metadata_json, o.removed
  from documents o left join document_contents t on t.document_id = o.document_id
  join datasets d on d.dataset_id = o.dataset_id join projects p on p.project_id = d.project_id
  where p.name || '/' || d.name = ? order by o.key`;

interface StoredDocument {
  readonly content: string;
  readonly metadataJson: string;
}

function storedDocuments({ sim }: Workload, address: string): Map<string, StoredDocument> {
  const stored = new Map<string, StoredDocument>();
  for (const [key, content, metadataJson, removed] of sim.database.rows(DOCUMENTS, address)) {
    if (Number(removed) === 1) continue;
    stored.set(String(key), { content: String(content ?? ''), metadataJson: String(metadataJson) });
  }
  return stored;
}

/** What was confirmed is there, and nothing that was never asked for. */
function checkAllowed(workload: Workload, dataset: SourceDataset): void {
  const { address, allowed, isGoing } = dataset;
  const stored = storedDocuments(workload, address);
  if (isGoing && stored.size === 0) return;
  for (const key of new Set([...allowed.keys(), ...stored.keys()])) {
    const document = stored.get(key);
    const may = allowed.get(key) ?? [undefined];
    const isAllowed = may.some((revision) =>
      revision === undefined
        ? document === undefined
        : document?.content === revision.input.content && document.metadataJson === revision.metadataJson,
    );
    if (!isAllowed) {
      throw new Violation(
        `${address}: ${key} is ${document === undefined ? 'lost' : 'not what was confirmed'}.`,
      );
    }
  }
}

const CHUNKS = `
  select c.chunk_id, o.key, hex(c.text_hash), c.embedding_status
  from chunks c join documents o on o.document_id = c.document_id
  join datasets d on d.configuration_id = c.configuration_id join projects p on p.project_id = d.project_id
  where p.name || '/' || d.name = ? order by o.key, c.ordinal`;
const FAILED = `
  select 1 from chunks c join datasets d on d.configuration_id = c.configuration_id
  join projects p on p.project_id = d.project_id
  where p.name || '/' || d.name = ? and c.embedding_status = 'failed' limit 1`;
const TOKENS = `
  select json_extract(c.chunking, '$.tokensPerChunkMax') from configurations c
  join datasets d on d.configuration_id = c.configuration_id join projects p on p.project_id = d.project_id
  where p.name || '/' || d.name = ?`;
const GENERATIONS = `
  select g.table_name, g.state, g.recorded_version, g.recorded_row_count
  from generations g join datasets d on d.dataset_id = g.dataset_id join projects p on p.project_id = d.project_id
  where p.name || '/' || d.name = ?`;

/** Catalog, table and source say the same. */
function checkAgreement(workload: Workload): void {
  const { database, disk, observer, batchChecks } = workload.sim;
  const tables = new Set<string>();
  for (const dataset of workload.datasets) {
    checkAllowed(workload, dataset);
    for (const name of checkDataset(workload, dataset)) tables.add(name);
  }
  const stray = [...disk.tables.keys()].filter(
    (name) => !tables.has(name) && !observer.strayTables.has(name),
  );
  if (stray.length > 0) throw new Violation(`Tables are left behind: ${stray.join(', ')}.`);
  const [held, running] = database.inspect(
    statement('select 1 from leases where holder_id is not null'),
    statement(`select kind from tasks where state = 'running'`),
  );
  if (held?.rows.length !== 0) throw new Violation('The lease is still held after the last runtime stopped.');
  if (running?.rows.length !== 0)
    throw new Violation('A task still reads as running after the last runtime stopped.');
  batchChecks.atTheEnd();
}

function checkDataset(workload: Workload, { address, allowed }: SourceDataset): string[] {
  const { database, disk } = workload.sim;
  const generations = database.rows(GENERATIONS, address);
  if (generations.length === 0) return [];
  const serving = generations.filter(([, state]) => state === 'serving');
  if (serving.length !== 1) throw new Violation(`${address} has ${serving.length} serving generations.`);
  const name = String(serving[0]?.[0]);
  const table = disk.tables.get(name);
  if (table === undefined) throw new Violation(`${address} has no table.`);
  const chunks = database.rows(CHUNKS, address);
  const tokens = Number(database.rows(TOKENS, address)[0]?.[0]);
  const wanted = [...allowed]
    .toSorted()
    .flatMap(([key, [revision]]) => (revision?.cuts.get(tokens) ?? []).map((text) => ({ key, text })));
  const shownChunks = chunks.map(([, key, hash]) => `${String(key)} ${String(hash).toLowerCase()}`);
  const wantedChunks = wanted.map(({ key, text }) => `${key} ${textHashHex(text)}`);
  if (shownChunks.join() !== wantedChunks.join())
    throw new Violation(`${address}: the chunks are not those of the source.`);
  const ready = wanted.filter(({ text }) => !text.includes(POISON));
  const rows = latestRows(table).toSorted(
    (a, b) => compare(a.row.key, b.row.key) || a.row.ordinal - b.row.ordinal,
  );
  const shownRows = rows.map(({ row }) => `${row.key} ${row.embeddedText}`);
  if (shownRows.join() !== ready.map(({ key, text }) => `${key} ${text}`).join()) {
    throw new Violation(
      `${address}: the table holds ${rows.length} rows, not the ${ready.length} of the source: ${shownRows.join(' / ')}`,
    );
  }
  const isRight = rows.every(({ row, vector }) =>
    vectorOf(row.embeddedText).every((value, at) => vector[at] === value),
  );
  if (!isRight) throw new Violation(`${address}: a row has the vector of another text.`);
  const wrong = chunks.find(
    ([, , hash, status]) =>
      (status === 'ready') !== ready.some(({ text }) => textHashHex(text) === String(hash).toLowerCase()),
  );
  if (wrong !== undefined)
    throw new Violation(`${address}: chunk ${String(wrong[0])} is ${String(wrong[3])}.`);
  const [, , version, rowCount] = serving[0] ?? [];
  if (Number(version) !== table.latest || Number(rowCount) !== rows.length) {
    throw new Violation(`${address}: the table is not at the version that is recorded.`);
  }
  return generations.map(([tableName]) => String(tableName));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
