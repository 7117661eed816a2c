import { PROVIDER_STATES, type ProviderStanding, type StoredStanding } from '../provider-catalog.ts';
import type { CatalogSession } from '../session.ts';
import { NOW_MS } from '../sql-clock.ts';
import { type SqlRow, statement } from '../sql-driver.ts';
import { integerAt, optionalIntegerAt, optionalTextAt, storableText, textAt, wordAt } from '../sql-values.ts';

const STANDINGS_MAX = 100;
const NAME_LENGTH_MAX = 300;
const MESSAGE_LENGTH_MAX = 1_000;
/** What a former holder of the lease has seen is of interest for as long. */
const KEPT_MS = 86_400_000;

const HOLDER = '(select holder_id from leases)';

export async function listProviderStandings(session: CatalogSession): Promise<StoredStanding[]> {
  const rows = await session.rows(
    statement(
      `select cast(holder_id as blob), cast(provider_id as blob), cast(provider as blob), cast(state as blob), since_ms,
              cast(failure_code as blob), cast(failure_message as blob), is_retryable, failed_at_ms, wait_until_ms,
              open_count, noted_at_ms
       from provider_standings order by noted_at_ms desc, holder_id, provider_id limit ?`,
      STANDINGS_MAX,
    ),
  );
  return rows.map(standingOf);
}

function standingOf(row: SqlRow): StoredStanding {
  const code = optionalTextAt(row, 5);
  return {
    holderId: textAt(row, 0),
    id: textAt(row, 1),
    provider: textAt(row, 2),
    state: wordAt(row, 3, PROVIDER_STATES),
    sinceMs: integerAt(row, 4),
    failure:
      code === undefined
        ? undefined
        : { code, message: optionalTextAt(row, 6) ?? '', retryable: integerAt(row, 7) === 1 },
    failedAtMs: optionalIntegerAt(row, 8),
    waitUntilMs: optionalIntegerAt(row, 9),
    openCount: integerAt(row, 10),
    notedAtMs: integerAt(row, 11),
  };
}

/** See `ProviderWrites.noteProviderStanding`. */
export async function noteProviderStanding(
  session: CatalogSession,
  token: number,
  standing: ProviderStanding,
): Promise<void> {
  const { id, state, sinceMs, failure, failedAtMs, waitUntilMs, openCount } = standing;
  const provider = storableText(standing.provider, NAME_LENGTH_MAX);
  await session.write(token, [
    statement(
      `delete from provider_standings
       where holder_id is not ${HOLDER} and (provider = ? or noted_at_ms < ${NOW_MS} - ?)`,
      provider,
      KEPT_MS,
    ),
    statement(
      `insert or replace into provider_standings (holder_id, provider_id, provider, state, since_ms, failure_code,
         failure_message, is_retryable, failed_at_ms, wait_until_ms, open_count, noted_at_ms)
       values (${HOLDER}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ${NOW_MS})`,
      storableText(id, NAME_LENGTH_MAX),
      provider,
      state,
      sinceMs,
      failure === undefined ? null : storableText(failure.code, NAME_LENGTH_MAX),
      failure === undefined ? null : storableText(failure.message, MESSAGE_LENGTH_MAX),
      failure?.retryable === true ? 1 : 0,
      failedAtMs ?? null,
      waitUntilMs ?? null,
      openCount,
    ),
    statement(
      `delete from provider_standings where (holder_id, provider_id) not in (
         select holder_id, provider_id from provider_standings
         order by noted_at_ms desc, holder_id, provider_id limit ?)`,
      STANDINGS_MAX,
    ),
  ]);
}
