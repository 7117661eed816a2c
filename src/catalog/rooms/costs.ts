import { type Charge, type CostMode, picoUsdPerToken } from '../../domain/cost.ts';
import type { ExpectedTokens } from '../batch-catalog.ts';
import type { CostGrouping, CostQuery, CostRecord, QueryCharge, SpentToday } from '../cost-catalog.ts';
import type { CatalogSession } from '../session.ts';
import { NOW_MS } from '../sql-clock.ts';
import { type SqlRow, type SqlStatement, type SqlValue, statement } from '../sql-driver.ts';
import {
  integerAt,
  numberAt,
  optionalIntegerAt,
  optionalTextAt,
  storableText,
  wordAt,
} from '../sql-values.ts';
import { packHashes, TEXTS_TABLE } from './queue-sql.ts';

/** Charges of each mode whose ids are kept. One that is stored again comes soon, or after a crash: before as many others. */
const CHARGE_IDS_MAX = 10_000;
const RECORDS_PER_ANSWER = 10_000;
const REQUEST_ID_LENGTH_MAX = 200;

const TODAY = `(${NOW_MS} / 86400000)`;
const COLUMNS = `day, dataset_id, profile_id, mode, request_count, text_count, token_count, estimated_token_count,
  unpriced_token_count, cost_pico_usd, duration_ms, reused_text_count, reused_token_count, unpriced_reused_token_count,
  saved_pico_usd`;
const ADDED = [
  'request_count',
  'text_count',
  'token_count',
  'estimated_token_count',
  'unpriced_token_count',
  'cost_pico_usd',
  'duration_ms',
  'reused_text_count',
  'reused_token_count',
  'unpriced_reused_token_count',
  'saved_pico_usd',
] as const;
/** Adds the row that was selected to the day's. */
const ADD = `on conflict (day, dataset_id, profile_id, mode) do update set
  ${ADDED.map((column) => `${column} = ${column} + excluded.${column}`).join(', ')}`;

/** Charges once, however often it is executed: what is counted already is known by its id. */
export function chargeStatements(profileId: number, charge: Charge): SqlStatement[] {
  const { datasetId, mode, tokenCount } = charge;
  const requestId = storableText(charge.requestId, REQUEST_ID_LENGTH_MAX);
  const perToken = picoUsdPerToken(charge.usdPerMillionTokens);
  const costPicoUsd = tokenCount * (perToken ?? 0);
  const isNew = 'not exists (select 1 from cost_charges where mode = ?1 and request_id = ?2)';
  return [
    statement(
      `insert into cost_days (${COLUMNS})
       select ${TODAY}, ?3, ?4, ?1, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0, 0, 0, 0 where ${isNew} ${ADD}`,
      mode,
      requestId,
      datasetId,
      profileId,
      charge.requestCount,
      charge.textCount,
      tokenCount,
      charge.isEstimated ? tokenCount : 0,
      perToken === null ? tokenCount : 0,
      costPicoUsd,
      Math.round(charge.durationMs),
    ),
    statement(
      `insert into cost_runs (dataset_id, cost_pico_usd) select ?3, ?4 where ?5 and ${isNew}
       on conflict (dataset_id) do update set cost_pico_usd = cost_pico_usd + excluded.cost_pico_usd`,
      mode,
      requestId,
      datasetId,
      costPicoUsd,
      charge.isInRun ? 1 : 0,
    ),
    statement(
      `insert into cost_charges (mode, seq, request_id)
       select ?1, coalesce((select max(seq) from cost_charges where mode = ?1), 0) + 1, ?2 where ${isNew}`,
      mode,
      requestId,
    ),
    statement(
      `delete from cost_charges
       where mode = ?1 and seq <= (select max(seq) from cost_charges where mode = ?1) - ?2`,
      mode,
      CHARGE_IDS_MAX,
    ),
  ];
}

/** To come before a dataset goes: what it cost keeps its name. */
export function keepName(datasetId: number): SqlStatement {
  return statement(
    `insert into cost_datasets (dataset_id, address)
     select d.dataset_id, p.name || '/' || d.name from datasets d join projects p on p.project_id = d.project_id
     where d.dataset_id = ? and exists (select 1 from cost_days c where c.dataset_id = d.dataset_id) on conflict do nothing`,
    datasetId,
  );
}

/** To be the first of the statements that add chunks: what {@link countReused} looks through begins here. */
export const BEGIN_REUSE: SqlStatement = statement(
  `update cost_cursor set chunk_id = coalesce((select seq from sqlite_sequence where name = 'chunks'), 0)`,
);

/** Counts the chunks that were added since {@link BEGIN_REUSE} and had a vector at once. Exact: counted as they are inserted. */
export function countReused(datasetId: number, usdPerMillionTokens: number | undefined): SqlStatement {
  return statement(
    `insert into cost_days (${COLUMNS})
       select ${TODAY}, ?1, profile_id, 'direct', 0, 0, 0, 0, 0, 0, 0, ${savings('count(*)', 'sum(token_count)', '?2')}
       from chunks where chunk_id > (select chunk_id from cost_cursor) and embedding_status = 'ready'
       group by profile_id ${ADD}`,
    datasetId,
    picoUsdPerToken(usdPerMillionTokens),
  );
}

/**
 * To come before the statement that makes the pending chunks of these texts ready: counts those for which nothing was paid,
 * in every dataset. In the one that is charged, one chunk of each text is paid for.
 */
export function countShared(
  profileId: number,
  hashes: readonly Uint8Array[],
  charge: Pick<Charge, 'datasetId' | 'mode'> | undefined,
  usdPerMillionTokens: number | undefined,
): SqlStatement {
  return statement(
    `with ${TEXTS_TABLE}
       insert into cost_days (${COLUMNS})
       select ${TODAY}, dataset_id, ?3, ?4, 0, 0, 0, 0, 0, 0, 0,
              ${savings('sum(free)', 'sum(free * tokens)', '?6')}
       from (select f.dataset_id, count(*) - (f.dataset_id = ?5) as free, max(c.token_count) as tokens
             from t
             cross join chunks c indexed by chunks_by_text
               on c.text_hash = t.h and c.profile_id = ?3 and c.embedding_status = 'pending'
             cross join configurations f on f.configuration_id = c.configuration_id
             group by f.dataset_id, t.h)
       where free > 0 group by dataset_id ${ADD}`,
    packHashes(hashes),
    hashes.length,
    profileId,
    charge?.mode ?? 'direct',
    charge?.datasetId ?? 0,
    picoUsdPerToken(usdPerMillionTokens),
  );
}

/** To come before the statement that makes failed chunks pending, or ready where they have a vector by now. */
export function countRevived(
  datasetId: number,
  chosen: string,
  parameters: readonly SqlValue[],
): SqlStatement {
  return statement(
    `insert into cost_days (${COLUMNS})
     select ${TODAY}, ?1, profile_id, 'direct', 0, 0, 0, 0, 0, 0, 0, ${savings('count(*)', 'sum(token_count)', 'null')}
     from chunks where chunk_id in (${chosen}) and exists (
       select 1 from embeddings e where e.text_hash = chunks.text_hash and e.profile_id = chunks.profile_id)
     group by profile_id ${ADD}`,
    datasetId,
    ...parameters,
  );
}

function savings(texts: string, tokens: string, perToken: string): string {
  return `${texts}, ${tokens}, iif(${perToken} is null, ${tokens}, 0), ${tokens} * coalesce(${perToken}, 0)`;
}

/** See `CostReads.chargeQueries`. */
export async function chargeQueries(session: CatalogSession, charges: readonly QueryCharge[]): Promise<void> {
  if (charges.length === 0) return;
  await session.append(charges.flatMap((charge) => chargeStatements(charge.profileId, charge)));
}

export async function beginRun(session: CatalogSession, token: number, datasetId: number): Promise<void> {
  await session.write(token, [statement('delete from cost_runs where dataset_id = ?', datasetId)]);
}

/** See `BatchWrites.expectBatchTokens`. */
export async function expectBatchTokens(
  session: CatalogSession,
  token: number,
  batchJobId: number,
  { tokensExpected, runUsdPerMillionTokens }: ExpectedTokens,
): Promise<void> {
  await session.write(token, [
    statement(
      `insert into cost_runs (dataset_id, cost_pico_usd)
       select dataset_id, (?2 - coalesce(stats ->> 'tokensExpected', 0)) * ?3
       from batch_jobs where batch_job_id = ?1 and finished_at_ms is null and ?3 is not null
       on conflict (dataset_id) do update set cost_pico_usd = cost_pico_usd + excluded.cost_pico_usd`,
      batchJobId,
      tokensExpected,
      picoUsdPerToken(runUsdPerMillionTokens),
    ),
    statement(
      `update batch_jobs set stats = json_set(stats, '$.tokensExpected', ?2) where batch_job_id = ?1 and finished_at_ms is null`,
      batchJobId,
      tokensExpected,
    ),
  ]);
}

export async function runCostUsd(session: CatalogSession, datasetId: number): Promise<number> {
  const [row] = await session.rows(
    statement('select cost_pico_usd / 1e12 from cost_runs where dataset_id = ?', datasetId),
  );
  return row === undefined ? 0 : numberAt(row, 0);
}

export async function spentToday(session: CatalogSession): Promise<SpentToday> {
  const [row = []] = await session.rows(
    statement(
      `select ${TODAY}, (${TODAY} + 1) * 86400000 - ${NOW_MS},
              (select coalesce(sum(cost_pico_usd), 0) / 1e12 from cost_days where day = ${TODAY})`,
    ),
  );
  return { day: integerAt(row, 0), msLeft: integerAt(row, 1), spentUsd: numberAt(row, 2) };
}

/** The columns by which each grouping tells rows apart. */
const KEYS: Readonly<Record<CostGrouping, string>> = {
  day: 'c.day',
  dataset: 'c.dataset_id',
  profile: 'c.profile_id',
  mode: 'c.mode',
};

const ADDRESS = `cast(coalesce(
  (select address from cost_datasets n where n.dataset_id = c.dataset_id),
  (select p.name || '/' || d.name from datasets d join projects p on p.project_id = d.project_id
   where d.dataset_id = c.dataset_id)) as blob)`;
const PROFILE = `cast(
  (select profile_key from embedding_profiles p where p.profile_id = c.profile_id) as blob)`;

function sumOf(column: string): string {
  const sum = `coalesce(sum(${column}), 0)`;
  return column.endsWith('_usd') ? `${sum} / 1e12` : sum;
}

export async function listCosts(session: CatalogSession, query: CostQuery): Promise<CostRecord[]> {
  const groupings = (Object.keys(KEYS) as CostGrouping[]).filter((each) => query.by.includes(each));
  const keyOf = (grouping: CostGrouping, column = KEYS[grouping]): string =>
    groupings.includes(grouping) ? column : 'null';
  const keys = groupings.map((each) => KEYS[each]);
  const order = groupings.map((each) => (each === 'day' ? 'c.day desc' : KEYS[each]));
  const rows = await session.rows(
    statement(
      `select ${keyOf('day')}, ${keyOf('dataset')},
              ${keyOf('dataset', ADDRESS)}, ${keyOf('profile', PROFILE)}, ${keyOf('mode', 'cast(c.mode as blob)')},
              ${ADDED.map(sumOf).join(', ')}
       from cost_days c
       where c.day between ?1 and ?2 and (?3 is null or c.dataset_id = ?3)
       ${keys.length === 0 ? '' : `group by ${keys.join(', ')} order by ${order.join(', ')}`} limit ?4`,
      query.fromDay ?? 0,
      query.toDay ?? Number.MAX_SAFE_INTEGER,
      query.datasetId ?? null,
      Math.min(query.limit, RECORDS_PER_ANSWER),
    ),
  );
  return rows.map(recordOf);
}

function recordOf(row: SqlRow): CostRecord {
  return {
    day: optionalIntegerAt(row, 0),
    datasetId: optionalIntegerAt(row, 1),
    address: optionalTextAt(row, 2),
    profile: optionalTextAt(row, 3),
    mode: row[4] === null ? undefined : wordAt<CostMode>(row, 4, ['direct', 'batch', 'query']),
    requestCount: integerAt(row, 5),
    textCount: integerAt(row, 6),
    tokenCount: integerAt(row, 7),
    estimatedTokenCount: integerAt(row, 8),
    unpricedTokenCount: integerAt(row, 9),
    costUsd: numberAt(row, 10),
    durationMs: integerAt(row, 11),
    reusedTextCount: integerAt(row, 12),
    reusedTokenCount: integerAt(row, 13),
    unpricedReusedTokenCount: integerAt(row, 14),
    savedUsd: numberAt(row, 15),
  };
}
