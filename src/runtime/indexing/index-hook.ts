import { backoffMs, DEFAULT_BACKOFF, toFailure } from '../../actors/failure.ts';
import type { NotedChange } from '../../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../../domain/address.ts';
import { SynclineError } from '../../domain/errors.ts';
import type { SourceId } from '../../sources/source.ts';
import { type RuntimeCore, requireDataset, withSession } from '../core.ts';
import { reconcileDeclared } from '../declared-datasets.ts';
import { ALL_RECORDS, indexNoted, NOTED_CHANGES_MAX, noteOf } from './noted-changes.ts';

/** Records that a host has just saved or deleted. */
export interface SavedRecords {
  readonly table: string;
  readonly ids: readonly SourceId[];
}

export interface HookOptions {
  /** How long a call waits for others, so that many become one run, in milliseconds. Default 200. */
  readonly delayMs?: number;
}

/**
 * To be called wherever records are saved: has them indexed soon. It returns at once, waits for nothing, and never throws.
 */
export interface IndexHook {
  (saved: SavedRecords): void;
  /** Resolves when what was told so far is searchable, or has failed once; for tests, and before a process ends. */
  settled(): Promise<void>;
}

const DELAY_MS = 200;

/** See {@link Dataset.hook}. */
export function createIndexHook(
  core: RuntimeCore,
  address: DatasetAddress,
  { delayMs = DELAY_MS }: HookOptions = {},
): IndexHook {
  const name = formatAddress(address);
  /** What was told and is not in the catalog yet, by its name. */
  const told = new Map<string, NotedChange>();
  let failureCount = 0;
  /** Calls off the next run; `undefined` while none is planned. */
  let callOff: (() => void) | undefined;
  let running: Promise<void> | undefined;
  /** There are notes in the catalog that were not read. */
  let isLeft = false;

  const plan = (waitMs: number): void => {
    if (callOff !== undefined || running !== undefined || core.stopAsked) return;
    callOff = core.clock.setTimer(waitMs, () => void run());
  };
  const run = (): Promise<void> => {
    callOff?.();
    callOff = undefined;
    running ??= work().finally(() => {
      running = undefined;
      if (told.size > 0 || isLeft) plan(failureCount === 0 ? delayMs : retryMs());
    });
    return running;
  };
  const retryMs = (): number => backoffMs(failureCount, undefined, DEFAULT_BACKOFF, core.clock.random);

  const work = async (): Promise<void> => {
    try {
      isLeft ||= told.size > 0;
      await noteTold(core, address, told);
      await indexNoted(core, address, core.stopping.signal);
      isLeft = false;
      failureCount = 0;
    } catch (error) {
      failureCount += 1;
      tell(error, !core.stopAsked);
    }
  };

  const tell = (error: unknown, willRetry: boolean): void => {
    const { code, message } = toFailure(error);
    core.hub.emit({ type: 'hook.failed', address: name, code, message, willRetry });
  };

  const hook = (saved: SavedRecords): void => {
    try {
      remember(told, saved);
      plan(failureCount === 0 ? delayMs : retryMs());
    } catch (error) {
      tell(error, false);
    }
  };
  const settled = async (): Promise<void> => {
    await running;
    if (told.size > 0 || isLeft) await run();
  };
  return Object.assign(hook, { settled });
}

/** @throws SynclineError `INVALID_OPTION` for what names no records. */
function remember(told: Map<string, NotedChange>, saved: SavedRecords): void {
  const { table, ids } = Object(saved) as Partial<SavedRecords>;
  if (typeof table !== 'string' || table === '' || !Array.isArray(ids)) {
    throw new SynclineError(
      'INVALID_OPTION',
      'A hook was called with something else than { table: "orders", ids: [1, 2] }; nothing was noted of it.',
    );
  }
  for (const id of ids as readonly SourceId[]) {
    const note = noteOf(table, id);
    told.set(`${table}\0${note.idJson}`, note);
    if (told.size <= NOTED_CHANGES_MAX) continue;
    // Too many to remember each: then everything is looked at.
    told.clear();
    told.set('', ALL_RECORDS);
    return;
  }
}

/** Stores what was told, so that it is read also when this process ends before. */
async function noteTold(
  core: RuntimeCore,
  address: DatasetAddress,
  told: Map<string, NotedChange>,
): Promise<void> {
  if (told.size === 0) return;
  await withSession(core, core.stopping.signal, async ({ writer }) => {
    await reconcileDeclared(core, writer);
    const { datasetId } = await requireDataset(core, address);
    const changes = [...told];
    await writer.noteChanges(
      datasetId,
      changes.map(([, change]) => change),
      NOTED_CHANGES_MAX,
    );
    // What was told again meanwhile is another object, and is noted again.
    for (const [key, change] of changes) if (told.get(key) === change) told.delete(key);
  });
}
