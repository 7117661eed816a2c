import { SynclineError } from '../../domain/errors.ts';
import { batchesOf } from '../batches.ts';
import type { NewEmbedding, TextFailure } from '../catalog.ts';
import type { StoreOptions } from '../cost-catalog.ts';
import type { CatalogSession } from '../session.ts';
import { NOW_MS } from '../sql-clock.ts';
import { type SqlStatement, statement, statementForEach } from '../sql-driver.ts';
import { integerAt, storableText, vectorBytes } from '../sql-values.ts';
import { chargeStatements, countShared } from './costs.ts';
import { isReady, packHashes, TEXTS_TABLE } from './queue-sql.ts';

/** Vectors of one transaction: a few milliseconds with 1,536 dimensions. */
const VECTORS_PER_TRANSACTION = 500;
const FAILURES_PER_TRANSACTION = 500;
/** Longest error text that is kept, in UTF-16 units. */
const ERROR_LENGTH_MAX = 2_000;

/**
 * Stores vectors and makes the pending chunks of their texts ready. A text that has a vector keeps it. What they cost is
 * charged with the first of them.
 */
export async function storeEmbeddings(
  session: CatalogSession,
  token: number,
  profileId: number,
  embeddings: readonly NewEmbedding[],
  { charge, usdPerMillionTokens }: StoreOptions = {},
): Promise<void> {
  if (embeddings.length === 0) return;
  await checkDimensions(session, profileId, embeddings);
  const batches = batchesOf(embeddings, {
    itemsMax: VECTORS_PER_TRANSACTION,
    weightMax: session.driver.writeBytesMax,
    weigh: ({ vector }) => vector.byteLength,
  });
  for (const [index, batch] of batches.entries()) {
    const hashes = batch.map(({ textHash }) => textHash);
    await session.write(token, [
      ...(index === 0 && charge !== undefined ? chargeStatements(profileId, charge) : []),
      countShared(profileId, hashes, charge, usdPerMillionTokens),
      statementForEach(
        `insert into embeddings (text_hash, profile_id, vector, embedded_token_count, created_at_ms)
         values (?, ?, ?, ?, ${NOW_MS})
         on conflict do nothing`,
        batch.map(({ textHash, vector, embeddedTokenCount = null }) => [
          textHash,
          profileId,
          vectorBytes(vector),
          embeddedTokenCount,
        ]),
      ),
      statement(
        `with ${TEXTS_TABLE}
         update chunks indexed by chunks_by_text set embedding_status = 'ready', last_error = null, batch_job_id = null
         where (text_hash, profile_id) in (select h, ?3 from t) and embedding_status = 'pending'`,
        packHashes(hashes),
        hashes.length,
        profileId,
      ),
      statement(
        `with ${TEXTS_TABLE} delete from batch_texts where (profile_id, text_hash) in (select ?3, h from t)`,
        packHashes(hashes),
        hashes.length,
        profileId,
      ),
      markReadyDocuments(profileId, hashes),
    ]);
  }
}

async function checkDimensions(
  session: CatalogSession,
  profileId: number,
  embeddings: readonly NewEmbedding[],
): Promise<void> {
  const [row] = await session.rows(
    statement('select dimensions from embedding_profiles where profile_id = ?', profileId),
  );
  const dimensions = integerAt(row ?? [], 0);
  const wrong = embeddings.find(({ vector }) => vector.length !== dimensions);
  if (wrong === undefined) return;
  throw new SynclineError(
    'EMBEDDING_ANSWER_INVALID',
    `A vector of ${wrong.vector.length} dimensions cannot be stored under a profile of ${dimensions}.`,
    { details: { dimensions: wrong.vector.length, expectedDimensions: dimensions } },
  );
}

/** Lets queued documents go to the table that have one of these texts and, by now, no pending chunk. */
export function markReadyDocuments(profileId: number, hashes: readonly Uint8Array[]): SqlStatement {
  return statement(
    `with ${TEXTS_TABLE}
     update index_queue set ready = 1
     where ready = 0
       and (generation_id, document_id) in (
         select g.generation_id, c.document_id
         from t
         cross join chunks c indexed by chunks_by_text on c.text_hash = t.h and c.profile_id = ?3
         cross join generations g on g.configuration_id = c.configuration_id)
       and ${isReady(
         'index_queue.document_id',
         '(select configuration_id from generations g where g.generation_id = index_queue.generation_id)',
       )}`,
    packHashes(hashes),
    hashes.length,
    profileId,
  );
}

/** Charges an attempt to texts, or gives them up: their pending chunks become `failed` and no longer hold up a document. */
export async function recordTextFailures(
  session: CatalogSession,
  token: number,
  profileId: number,
  failures: readonly TextFailure[],
): Promise<void> {
  const batches = batchesOf(failures, {
    itemsMax: FAILURES_PER_TRANSACTION,
    weightMax: session.driver.writeBytesMax,
    weigh: () => ERROR_LENGTH_MAX,
  });
  for (const batch of batches) {
    const givenUp = batch.filter(({ giveUp }) => giveUp).map(({ textHash }) => textHash);
    await session.write(token, [
      statementForEach(
        `update chunks indexed by chunks_by_text
         set attempt_count = attempt_count + 1, last_error = ?3, embedding_status = ?4
         where text_hash = ?1 and profile_id = ?2 and embedding_status = 'pending'`,
        batch.map(({ textHash, error, giveUp }) => [
          textHash,
          profileId,
          storableText(error, ERROR_LENGTH_MAX),
          giveUp ? 'failed' : 'pending',
        ]),
      ),
      ...(givenUp.length > 0 ? [markReadyDocuments(profileId, givenUp)] : []),
    ]);
  }
}
