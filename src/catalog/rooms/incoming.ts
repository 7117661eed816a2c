import type { DocumentKey, PreparedDocument } from '../../domain/document.ts';
import { batchesOf } from '../batches.ts';
import type { IncomingChange, IncomingRecord } from '../catalog.ts';
import type { CatalogSession } from '../session.ts';
import { NOW_MS } from '../sql-clock.ts';
import { type SqlRow, statement, statementForEach } from '../sql-driver.ts';
import { bytesAt, integerAt, textAt, wordAt } from '../sql-values.ts';

const CHANGES_PER_TRANSACTION = 500;
/** UTF-16 units of the contents of one message. */
const LENGTH_PER_READ = 1_000_000;
/** UTF-16 units of the contents of one answer, over all its messages. */
const LENGTH_PER_ANSWER = 8_000_000;
const CHANGES_PER_ANSWER = 1_000;

/** Queues changes; a waiting change of the same document is replaced and loses its place. */
export async function enqueueIncoming(
  session: CatalogSession,
  token: number,
  datasetId: number,
  changes: readonly IncomingChange[],
): Promise<void> {
  const batches = batchesOf(changes, {
    itemsMax: CHANGES_PER_TRANSACTION,
    weightMax: session.driver.writeBytesMax,
    weigh: (change) => (change.kind === 'upsert' ? change.document.content.length : 0),
  });
  for (const batch of batches) {
    await session.write(token, [
      statement('insert into dataset_guard values (?)', datasetId),
      statementForEach(
        `insert or replace into incoming (dataset_id, source, key, kind, format, content_length, content_hash,
           metadata_hash, queued_at_ms, title, metadata_json, content)
         values (?, ?, ?, ?, ?, ?, ?, ?, ${NOW_MS}, ?, ?, ?)`,
        batch.map((change) => incomingArgs(datasetId, change)),
      ),
    ]);
  }
}

function incomingArgs(datasetId: number, change: IncomingChange): SqlRow {
  if (change.kind === 'delete') {
    const { source, key } = change.key;
    return [datasetId, source, key, 'delete', 'text', 0, null, null, '', '', ''];
  }
  const { document } = change;
  return [
    datasetId,
    document.source,
    document.key,
    'upsert',
    document.format,
    document.content.length,
    document.contentHash,
    document.metadataHash,
    document.title,
    document.metadataJson,
    document.content,
  ];
}

/** Ids of the waiting changes of these documents. */
export async function findIncoming(
  session: CatalogSession,
  datasetId: number,
  keys: readonly DocumentKey[],
): Promise<number[]> {
  const rows = await session.rows(
    statement(
      `select i.incoming_id from json_each(?2) k
       cross join incoming i on i.dataset_id = ?1 and i.source = k.value ->> 0 and i.key = k.value ->> 1`,
      datasetId,
      JSON.stringify(keys.map(({ source, key }) => [source, key])),
    ),
  );
  return rows.map((row) => integerAt(row, 0));
}

/** The oldest waiting changes: up to `limit`, fewer when their contents are large, at least one if any waits. */
export async function listIncoming(
  session: CatalogSession,
  datasetId: number,
  limit: number,
): Promise<IncomingRecord[]> {
  const waiting = await session.rows(
    statement(
      `select incoming_id, content_length from incoming where dataset_id = ? order by incoming_id limit ?`,
      datasetId,
      Math.min(limit, CHANGES_PER_ANSWER),
    ),
  );
  const weigh = (row: SqlRow) => integerAt(row, 1);
  const limits = { itemsMax: CHANGES_PER_ANSWER, weigh };
  const [chosen] = batchesOf(waiting, { ...limits, weightMax: LENGTH_PER_ANSWER });
  const records: IncomingRecord[] = [];
  for (const batch of batchesOf(chosen ?? [], { ...limits, weightMax: LENGTH_PER_READ })) {
    records.push(
      ...(await readIncoming(
        session,
        batch.map((row) => integerAt(row, 0)),
      )),
    );
  }
  return records;
}

async function readIncoming(session: CatalogSession, ids: readonly number[]): Promise<IncomingRecord[]> {
  const rows = await session.rows(
    statement(
      `select i.incoming_id, cast(i.kind as blob), cast(i.source as blob), cast(i.key as blob), cast(i.format as blob),
              i.content_hash, i.metadata_hash, cast(i.title as blob), cast(i.metadata_json as blob),
              cast(i.content as blob)
       from json_each(?) k cross join incoming i on i.incoming_id = k.value
       order by i.incoming_id`,
      JSON.stringify(ids),
    ),
  );
  return rows.map((row) => ({ incomingId: integerAt(row, 0), change: changeOf(row) }));
}

function changeOf(row: SqlRow): IncomingChange {
  const kind = wordAt(row, 1, ['upsert', 'delete']);
  const key = { source: textAt(row, 2), key: textAt(row, 3) };
  if (kind === 'delete') return { kind, key };
  const document: PreparedDocument = {
    ...key,
    format: wordAt(row, 4, ['markdown', 'text']),
    contentHash: bytesAt(row, 5),
    metadataHash: bytesAt(row, 6),
    title: textAt(row, 7),
    metadataJson: textAt(row, 8),
    content: textAt(row, 9),
  };
  return { kind, document };
}
