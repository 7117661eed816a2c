import type { Table } from '@lancedb/lancedb';
import { SynclineError } from '../domain/errors.ts';
import { compileFilter } from './filter-sql.ts';
import { loadLance } from './lance-library.ts';
import { probeEnough } from './vector-index.ts';
import type { TableHit, TableSpec, TextQuery, VectorQuery } from './vector-store.ts';

/** Columns of a hit. The score column is always selected beside them: LanceDB warns on stderr when it has to add it itself. */
const HIT_COLUMNS = [
  'chunk_id',
  'document_id',
  'source',
  'key',
  'title',
  'ordinal',
  'start',
  'end',
  'text_start',
  'embedded_text',
  'metadata',
];

type Rows = Awaited<ReturnType<ReturnType<Table['query']>['toArrow']>>;

/**
 * Cosine search over indexed and unindexed rows; of the indexed ones a few may be missed, unless it is `exact`. The filter is applied first, so that `limit` rows are found when that
 * many match. A row with a zero vector has no direction and is never found.
 *
 * @throws SynclineError `INVALID_QUERY` on a limit below 1 or a vector of another dimension or with NaN in it; `INVALID_FILTER`.
 */
export async function searchVector(table: Table, spec: TableSpec, query: VectorQuery): Promise<TableHit[]> {
  const { vector } = query;
  checkLimit(query.limit);
  if (vector.length !== spec.dimensions) {
    throw invalidQuery(`has a vector of ${vector.length} dimensions; the table's have ${spec.dimensions}`);
  }
  if (!vector.every(Number.isFinite)) throw invalidQuery('has a vector that holds NaN or an infinity');
  const search = table
    .query()
    .nearestTo(vector)
    .column('vector')
    .distanceType('cosine')
    .select([...HIT_COLUMNS, '_distance'])
    .limit(query.limit);
  if (query.exact) search.bypassVectorIndex();
  else probeEnough(search, await table.countRows());
  if (query.filter !== undefined) search.where(compileFilter(query.filter, spec.fields));
  return toHits(await search.toArrow(), '_distance', (distance) => 1 - distance);
}

/**
 * BM25 search in the embedded text, filter first. A text without a single word finds nothing.
 *
 * @throws SynclineError `INVALID_QUERY` on a limit below 1; `INVALID_FILTER`.
 */
export async function searchText(table: Table, spec: TableSpec, query: TextQuery): Promise<TableHit[]> {
  checkLimit(query.limit);
  const { lance } = await loadLance();
  const search = table
    .query()
    // Not the bare text: LanceDB takes one that stands in double quotes for a phrase, which needs an index with positions.
    .fullTextSearch(new lance.MatchQuery(query.text, 'embedded_text'))
    .select([...HIT_COLUMNS, '_score'])
    .limit(query.limit);
  if (query.filter !== undefined) search.where(compileFilter(query.filter, spec.fields));
  return toHits(await search.toArrow(), '_score', (score) => score);
}

function toHits(rows: Rows, scoreColumn: string, toScore: (value: number) => number): TableHit[] {
  const column = (name: string): ((row: number) => unknown) => {
    const vector = rows.getChild(name);
    return (row) => vector?.get(row);
  };
  const number = (name: string): ((row: number) => number) => {
    const read = column(name);
    return (row) => Number(read(row));
  };
  const text = (name: string): ((row: number) => string) => {
    const read = column(name);
    return (row) => String(read(row) ?? '');
  };
  const [chunkId, documentId, score] = [number('chunk_id'), number('document_id'), number(scoreColumn)];
  const [source, key, title] = [text('source'), text('key'), text('title')];
  const [ordinal, start, end, textStart] = [
    number('ordinal'),
    number('start'),
    number('end'),
    number('text_start'),
  ];
  const [embeddedText, metadataJson] = [text('embedded_text'), text('metadata')];
  const hits = Array.from({ length: rows.numRows }, (_, row) => ({
    chunkId: chunkId(row),
    documentId: documentId(row),
    source: source(row),
    key: key(row),
    title: title(row),
    ordinal: ordinal(row),
    start: start(row),
    end: end(row),
    embeddedText: embeddedText(row),
    textStart: textStart(row),
    metadataJson: metadataJson(row),
    score: toScore(score(row)),
  }));
  // Equal scores come in any order; the id makes the answer the same each time.
  return hits.sort((a, b) => b.score - a.score || a.chunkId - b.chunkId);
}

function checkLimit(limit: number): void {
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw invalidQuery(`needs a limit of at least 1, not ${limit}`);
}

function invalidQuery(reason: string): SynclineError {
  return new SynclineError('INVALID_QUERY', `The search ${reason}.`);
}
