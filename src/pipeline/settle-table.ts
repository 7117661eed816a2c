import { isSynclineError, SynclineError } from '../domain/errors.ts';
import type { DatasetWork, OpenGeneration } from './work.ts';

/** Most tries of a change between whose steps others commit: each former holder has at most a few commits under way. */
const TRIES_MAX = 5;

/**
 * Settles the table and runs a change of it that ends with its mark or record; again when a commit of somebody else came
 * in between. LanceDB cannot be fenced: a worker that was stopped between asking for its lease and its commit commits when
 * it wakes, on top of whatever is there. Its mark is refused; what it wrote is found by the version that it made, and is put
 * back before anything is recorded on top of it. Called with the write mutex held.
 */
export async function changeSettled(
  work: DatasetWork,
  open: OpenGeneration,
  change: () => Promise<void>,
): Promise<void> {
  await untilUndisturbed(async () => {
    await settleTable(work, open);
    await work.writer.assertLease();
    await change();
  });
}

async function untilUndisturbed(task: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await task();
    } catch (error) {
      if (tries === TRIES_MAX || !isSynclineError(error, 'TABLE_CONFLICT')) throw error;
    }
  }
}

/**
 * Puts a table that is ahead of its recorded version back to it: its last commit was never marked (a crash, a failed
 * mark, a maintenance that was cut short). One commit, milliseconds. Called with the write mutex held.
 *
 * @throws SynclineError `TABLE_DAMAGED` when the table is behind what is recorded, or differs after being put back: then only a rebuild helps.
 */
export function settleTable(work: DatasetWork, open: OpenGeneration): Promise<void> {
  return untilUndisturbed(() => putBack(work, open));
}

async function putBack(work: DatasetWork, open: OpenGeneration): Promise<void> {
  const { table } = open;
  const recorded = await readRecorded(work, open);
  open.recorded = recorded;
  const state = await table.state();
  if (state.version === recorded.version && state.rowCount === recorded.rowCount) return;
  if (state.version <= recorded.version) {
    throw damaged(open, `it is at version ${state.version} with ${state.rowCount} rows`);
  }
  await work.writer.assertLease();
  const restored = await table.restore(recorded.version, { onto: state.version });
  if (restored.rowCount !== recorded.rowCount) {
    throw damaged(open, `after being put back it has ${restored.rowCount} rows`);
  }
  await work.writer.recordTable(open.generation.generationId, restored);
  open.recorded = { version: restored.version, rowCount: restored.rowCount };
  work.report({ type: 'restored', fromVersion: state.version, toVersion: recorded.version });
}

/** What the last mark recorded, from the catalog itself: memory of it could be stale, and putting back too far loses rows. */
async function readRecorded(work: DatasetWork, open: OpenGeneration): Promise<OpenGeneration['recorded']> {
  const generations = await work.catalog.listGenerations(work.dataset.datasetId);
  const { recorded } =
    generations.find(({ generationId }) => generationId === open.generation.generationId) ?? {};
  if (recorded !== undefined) return recorded;
  throw new SynclineError('TABLE_MISSING', `The catalog no longer knows the table "${open.table.name}".`);
}

function damaged(open: OpenGeneration, found: string): SynclineError {
  const { version, rowCount } = open.recorded;
  return new SynclineError(
    'TABLE_DAMAGED',
    `The table "${open.table.name}" is not the one the catalog has recorded (version ${version}, ${rowCount} rows): ${found}. It is rebuilt from the catalog's embeddings.`,
    { details: { table: open.table.name } },
  );
}
