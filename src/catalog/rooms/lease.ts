import type { LeaseAnswer, LeaseHolder, LeaseRequest } from '../catalog.ts';
import { BOOTSTRAP_VERSION } from '../migrations.ts';
import type { CatalogSession } from '../session.ts';
import { NOW_MS } from '../sql-clock.ts';
import { type SqlDriver, type SqlRow, statement } from '../sql-driver.ts';
import { integerAt, textAt } from '../sql-values.ts';

const HOLDER = 'cast(holder_id as blob), pid, cast(host as blob), started_at_ms, expires_at_ms, token';

/**
 * Takes the lease if nobody holds it, its holder let it expire, is known to be dead, or is the one who asks. Makes the
 * table of the lease if the catalog is new.
 */
export async function acquireLease(session: CatalogSession, request: LeaseRequest): Promise<LeaseAnswer> {
  if ((await session.version()) < BOOTSTRAP_VERSION) await session.migrateTo(BOOTSTRAP_VERSION);
  const { holderId, pid, host, startedAtMs, ttlMs, deadHolderId } = request;
  const [granted, current] = await session.driver.write([
    statement(
      `insert into leases (name, token, holder_id, pid, host, started_at_ms, expires_at_ms)
       values ('worker', 1, ?1, ?2, ?3, ?4, ${NOW_MS} + ?5)
       on conflict (name) do update set
         token = token + 1, holder_id = excluded.holder_id, pid = excluded.pid, host = excluded.host,
         started_at_ms = excluded.started_at_ms, expires_at_ms = excluded.expires_at_ms
       where holder_id is null or expires_at_ms <= ${NOW_MS} or holder_id in (?1, ?6)
       returning token`,
      holderId,
      pid,
      host,
      startedAtMs,
      ttlMs,
      deadHolderId ?? null,
    ),
    statement(`select ${HOLDER} from leases`),
  ]);
  const token = granted?.rows[0];
  if (token !== undefined) return { granted: true, token: integerAt(token, 0) };
  return { granted: false, holder: holderOf(current?.rows[0] ?? []) };
}

/** Who holds the lease and has not let it expire. */
export async function readLease(
  session: CatalogSession,
): Promise<(LeaseHolder & { readonly token: number }) | undefined> {
  if ((await session.version()) < BOOTSTRAP_VERSION) return undefined;
  const [result] = await session.driver.read([
    statement(`select ${HOLDER} from leases where holder_id is not null and expires_at_ms > ${NOW_MS}`),
  ]);
  const row = result?.rows[0];
  return row === undefined ? undefined : { ...holderOf(row), token: integerAt(row, 5) };
}

/** Whether the lease is still this token's. */
export async function holdsLease(driver: SqlDriver, token: number): Promise<boolean> {
  const [result] = await driver.read([
    statement('select 1 from leases where token = ? and holder_id is not null', token),
  ]);
  return result?.rows.length === 1;
}

/** Extends the lease if it is still this token's. */
export async function renewLease(driver: SqlDriver, token: number, ttlMs: number): Promise<boolean> {
  const [result] = await driver.write([
    statement(
      `update leases set expires_at_ms = ${NOW_MS} + ? where token = ? and holder_id is not null returning token`,
      ttlMs,
      token,
    ),
  ]);
  return result?.rows.length === 1;
}

/** Gives the lease back if it is still this token's. The token stays, so that the next one is larger. */
export async function releaseLease(driver: SqlDriver, token: number): Promise<void> {
  await driver.write([statement('update leases set holder_id = null where token = ?', token)]);
}

function holderOf(row: SqlRow): LeaseHolder {
  return {
    holderId: textAt(row, 0),
    pid: integerAt(row, 1),
    host: textAt(row, 2),
    startedAtMs: integerAt(row, 3),
    expiresAtMs: integerAt(row, 4),
  };
}
