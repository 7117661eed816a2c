import type { SpendHold, StoredSpendHold } from '../cost-catalog.ts';
import type { CatalogSession } from '../session.ts';
import { type SqlRow, statement } from '../sql-driver.ts';
import { integerAt, numberAt, optionalIntegerAt, textAt, wordAt } from '../sql-values.ts';

const HOLDS_MAX = 1_000;

const HAS_PENDING = `exists (
  select 1 from chunks c indexed by chunks_pending
  where c.configuration_id in (d.configuration_id, d.target_configuration_id) and c.embedding_status = 'pending'
    and c.batch_job_id is null)`;

/** See `CostReads.listSpendHolds`. */
export async function listSpendHolds(session: CatalogSession): Promise<StoredSpendHold[]> {
  const rows = await session.rows(
    statement(
      `select h.dataset_id, cast(p.name || '/' || d.name as blob), cast(h.cap as blob), h.usd_max, h.spent_usd,
              h.reached_at_ms, h.until_ms, ${HAS_PENDING}
       from spend_holds h
       join datasets d on d.dataset_id = h.dataset_id and d.state = 'active'
       join projects p on p.project_id = d.project_id
       order by h.reached_at_ms desc, h.dataset_id limit ?`,
      HOLDS_MAX,
    ),
  );
  return rows.map(holdOf);
}

function holdOf(row: SqlRow): StoredSpendHold {
  return {
    datasetId: integerAt(row, 0),
    address: textAt(row, 1),
    cap: wordAt(row, 2, ['day', 'run']),
    usdMax: numberAt(row, 3),
    spentUsd: numberAt(row, 4),
    reachedAtMs: integerAt(row, 5),
    untilMs: optionalIntegerAt(row, 6),
    hasPendingTexts: integerAt(row, 7) === 1,
  };
}

/** See `CostWrites.noteSpendHold`. */
export async function noteSpendHold(
  session: CatalogSession,
  token: number,
  { datasetId, cap, usdMax, spentUsd, reachedAtMs, untilMs }: SpendHold,
): Promise<void> {
  await session.write(token, [
    statement(
      `insert or replace into spend_holds (dataset_id, cap, usd_max, spent_usd, reached_at_ms, until_ms)
       select dataset_id, ?2, ?3, ?4, ?5, ?6 from datasets where dataset_id = ?1`,
      datasetId,
      cap,
      usdMax,
      spentUsd,
      reachedAtMs,
      untilMs ?? null,
    ),
    statement(
      `delete from spend_holds where dataset_id not in (
         select dataset_id from spend_holds order by reached_at_ms desc, dataset_id limit ?)`,
      HOLDS_MAX,
    ),
  ]);
}

/** See `CostWrites.endSpendHold`. */
export async function endSpendHold(session: CatalogSession, token: number, datasetId: number): Promise<void> {
  await session.write(token, [statement('delete from spend_holds where dataset_id = ?', datasetId)]);
}
