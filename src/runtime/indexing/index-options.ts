import { SynclineError } from '../../domain/errors.ts';
import type { SourceId } from '../../sources/source.ts';
import type { RefusedDocument } from '../ingest.ts';
import type { TaskOptions } from '../task.ts';

/** Records that have changed: ids by the name of their table. */
export type ChangedIds = Readonly<Record<string, readonly SourceId[]>>;

/** Options of {@link Dataset.index}. */
export interface IndexOptions extends TaskOptions {
  /**
   * Look at these records alone. One that its source does not give any more is removed. A table that several sources have is
   * looked at in each. Not together with `full`.
   */
  readonly changedIds?: ChangedIds;
  /**
   * Read the sources from end to end, and remove the documents that they do not give any more, each source its own. Nothing is
   * removed when a source fails. Default `false`.
   */
  readonly full?: boolean;
  /** Only this source. Default: all. */
  readonly source?: string;
  /** Give chunks that were given up another round of attempts. Default `false`. */
  readonly retryFailed?: boolean;
  /**
   * Remove as many documents as there are to remove. Default `false`: a run that would remove all of a source, or more than
   * {@link SynclineOptions.removalShareMax} of them, removes none and fails with `MASS_DELETION_REFUSED`. Without `changedIds` and
   * `source`, what was refused of a hook's changes and set aside is done, too.
   */
  readonly allowMassDeletion?: boolean;
  /** What this run may cost, in US dollars. Default: the option `spend.usdPerRunMax`. */
  readonly usdMax?: number;
}

/** What a run has done so far; each is also in its task's `progress`. */
export interface IndexCounts {
  /** Records that the sources gave. */
  readonly readCount: number;
  /** Of these, documents as they were. The next three add up to `readCount` with this one. */
  readonly unchangedCount: number;
  readonly changedCount: number;
  readonly addedCount: number;
  /** Records that cannot become documents; each is an event. */
  readonly failedCount: number;
  /** Documents that were removed because their source does not have them any more. */
  readonly removedCount: number;
  /**
   * Ids of `changedIds` that are known neither to their source nor to the dataset: mistyped, or removed before. Of a table that
   * several sources have, those that none of them knows.
   */
  readonly unknownCount: number;
  /** Texts that were embedded for this run. */
  readonly embeddedCount: number;
  /** Chunks of added and changed documents whose text had a vector already. */
  readonly reusedCount: number;
  /** Texts that their provider refused for good. */
  readonly givenUpCount: number;
  /** Failed chunks that were given another round. */
  readonly retriedCount: number;
  readonly tokensCharged: number;
  /** `undefined` where a price is not known. */
  readonly costUsd: number | undefined;
}

/** What {@link Dataset.index} has done. */
export interface IndexResult extends IndexCounts {
  /** The first 100 records that cannot become documents, with the reason. */
  readonly refused: readonly RefusedDocument[];
  readonly durationMs: number;
}

/** Ids of one call: more are a full run. */
const IDS_MAX = 1_000_000;

/**
 * Checks what does not need the catalog.
 *
 * @throws SynclineError `INVALID_OPTION`.
 */
export function checkIndexOptions({ changedIds, full = false, source }: IndexOptions): void {
  if (source !== undefined && (typeof source !== 'string' || source === ''))
    throw invalid('source', 'is no name of a source');
  if (changedIds === undefined) return;
  if (full)
    throw invalid('changedIds', 'says what has changed, and full to read everything; give one of them');
  if (typeof changedIds !== 'object' || changedIds === null || Array.isArray(changedIds))
    throw invalid('changedIds', 'must be an object such as { orders: [1, 2] }');
  let count = 0;
  for (const [table, ids] of Object.entries(changedIds)) {
    if (!Array.isArray(ids)) throw invalid('changedIds', `needs a list of ids for the table "${table}"`);
    count += ids.length;
  }
  if (count > IDS_MAX)
    throw invalid('changedIds', `names ${count} ids; the most is ${IDS_MAX}. Read everything with full`);
}

function invalid(option: string, problem: string): SynclineError {
  return new SynclineError('INVALID_OPTION', `The option ${option} ${problem}.`, { details: { option } });
}
