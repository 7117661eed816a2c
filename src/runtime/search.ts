import type { ConfigurationRecord, DatasetRecord } from '../catalog/catalog.ts';
import { type DatasetAddress, formatAddress } from '../domain/address.ts';
import { profileKey } from '../domain/embedding-profile.ts';
import { isSynclineError, SynclineError } from '../domain/errors.ts';
import { type Filter, parseFilter } from '../domain/filter.ts';
import type { Metadata } from '../domain/metadata.ts';
import { fuseRankings, type Ranking } from '../domain/ranking.ts';
import type { TableHit, VectorQuery, VectorTable } from '../vectors/vector-store.ts';
import { type FinishedGeneration, type RuntimeCore, requireDataset, servingGeneration } from './core.ts';

/** How passages are found: by meaning (`vector`), by words (`text`), or by both, fused (`hybrid`). */
export type SearchMode = 'hybrid' | 'vector' | 'text';

export interface SearchOptions {
  /** Default `hybrid`. */
  readonly mode?: SearchMode;
  /** Results wanted, 1 to 1,000. Default 10. */
  readonly limit?: number;
  /** Compare with every vector instead of asking the vector index, which large datasets have and which may miss some. Default `false`. */
  readonly exact?: boolean;
  /** A structured filter over declared fields and `source`, `key`, `title`. */
  readonly filter?: Filter;
  readonly signal?: AbortSignal;
}

/** A passage that was found. */
export interface SearchResult {
  /** `project/dataset`. */
  readonly dataset: string;
  readonly source: string;
  readonly key: string;
  readonly title: string;
  /** Title and headings above the passage, as they were embedded; may be empty. */
  readonly context: string;
  /** The passage: `content.slice(start, end)` of the document. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
  readonly metadata: Metadata;
  readonly chunkId: number;
  /** Higher is better. `vector`: cosine similarity; `text`: BM25; `hybrid`: reciprocal rank fusion. Comparable within one answer. */
  readonly score: number;
  /** Cosine similarity to the query, where the vector search found it. */
  readonly vectorScore: number | undefined;
  /** BM25 score, where the text search found it. */
  readonly textScore: number | undefined;
}

const LIMIT_MAX = 1_000;
const QUERY_LENGTH_MAX = 10_000;
/** Each ranking is read a little deeper than the answer, so that fusion can see what stands low in one and high in the other. */
const FUSION_DEPTH = 3;
const FUSION_DEPTH_MIN = 30;
/** Datasets of a project that are searched at the same time. */
const DATASETS_AT_ONCE = 8;
/** Datasets of a project, at most, that one search covers. */
const DATASETS_PER_SEARCH_MAX = 1_000;
/** Tables, or versions of one, that a search may see replaced under it. */
const TRIES_MAX = 10;

interface Hit {
  readonly dataset: DatasetRecord;
  readonly hit: TableHit;
}

/**
 * Searches one dataset.
 *
 * @throws SynclineError `DATASET_NOT_FOUND`, `INVALID_QUERY`, `INVALID_FILTER`, `PROFILE_MISMATCH`, and what the embedder or table throws.
 */
export async function searchDataset(
  core: RuntimeCore,
  address: DatasetAddress,
  query: string,
  options: SearchOptions = {},
): Promise<SearchResult[]> {
  checkQuery(query, options);
  return searchDatasets(core, [await requireDataset(core, address)], query, options);
}

/** Searches all datasets of a project and merges their answers; see {@link searchDataset}. */
export async function searchProject(
  core: RuntimeCore,
  project: string,
  query: string,
  options: SearchOptions = {},
): Promise<SearchResult[]> {
  checkQuery(query, options);
  const catalog = await core.catalog();
  const datasets = await catalog.listDatasets({ project, limit: DATASETS_PER_SEARCH_MAX });
  const active = datasets.filter((dataset) => dataset.state === 'active');
  if (active.length === 0) {
    throw new SynclineError('DATASET_NOT_FOUND', `The project "${project}" has no datasets.`, {
      details: { project },
    });
  }
  return searchDatasets(core, active, query, options);
}

async function searchDatasets(
  core: RuntimeCore,
  datasets: readonly DatasetRecord[],
  query: string,
  options: SearchOptions,
): Promise<SearchResult[]> {
  const limit = options.limit ?? 10;
  const mode = options.mode ?? 'hybrid';
  const depth = mode === 'hybrid' ? Math.max(limit * FUSION_DEPTH, FUSION_DEPTH_MIN) : limit;
  const { filter, exact = false, signal } = options;
  const search = { query, mode, depth, filter, exact, signal };
  const embed = createQueryEmbedder(core, search);
  const vectorHits: Hit[] = [];
  const textHits: Hit[] = [];
  const queue = [...datasets];
  const searchNext = async (): Promise<void> => {
    for (let dataset = queue.shift(); dataset !== undefined; dataset = queue.shift()) {
      const found = await searchServing(core, dataset, search, embed);
      vectorHits.push(...found.vector);
      textHits.push(...found.text);
    }
  };
  await Promise.all(Array.from({ length: Math.min(DATASETS_AT_ONCE, datasets.length) }, searchNext));
  return rank(mode, vectorHits, textHits).slice(0, limit);
}

interface TableSearch {
  readonly query: string;
  readonly mode: SearchMode;
  readonly depth: number;
  readonly filter: Filter | undefined;
  readonly signal: AbortSignal | undefined;
  readonly exact: boolean;
}

/** The query's vector under a profile, embedded once per profile and charged to the dataset that needs it first; `undefined` where no vector is needed. */
type QueryEmbedder = (
  dataset: DatasetRecord,
  configuration: ConfigurationRecord,
) => Promise<Float32Array | undefined>;

function createQueryEmbedder(core: RuntimeCore, { query, mode, signal }: TableSearch): QueryEmbedder {
  const vectors = new Map<string, Promise<Float32Array | undefined>>();
  const embed = async (
    { datasetId }: DatasetRecord,
    configuration: ConfigurationRecord,
  ): Promise<Float32Array | undefined> => {
    const startMs = core.clock.monotonicMs();
    const options = { purpose: 'query', ...(signal && { signal }) } as const;
    const embedder = core.embedderFor(configuration.profile);
    const { vectors: answer, tokensCharged } = await embedder.embed([query], options);
    const durationMs = core.clock.monotonicMs() - startMs;
    core.queries.note({ datasetId, configuration, text: query, tokensCharged, durationMs });
    return answer[0];
  };
  return (dataset, configuration) => {
    if (mode === 'text') return Promise.resolve(undefined);
    const key = profileKey(configuration.profile);
    const vector = vectors.get(key) ?? embed(dataset, configuration);
    vectors.set(key, vector);
    return vector;
  };
}

interface TableHits {
  readonly vector: Hit[];
  readonly text: Hit[];
}

const NOTHING_FOUND: TableHits = { vector: [], text: [] };

/**
 * Searches the table that serves a dataset, at the version that the catalog has recorded: what was committed since is not
 * marked yet, is half of a change, or comes from a worker that lost its lease. Again when the table is not what the catalog
 * says because the catalog has gone on meanwhile: another table serves, or maintenance removed the old version.
 */
async function searchServing(
  core: RuntimeCore,
  dataset: DatasetRecord,
  search: TableSearch,
  embed: QueryEmbedder,
): Promise<TableHits> {
  let serving = await servingGeneration(core, dataset.datasetId);
  for (let tries = 1; serving !== undefined; tries += 1) {
    try {
      return await searchGeneration(core, dataset, serving, search, embed);
    } catch (error) {
      if (!isSynclineError(error, 'TABLE_MISSING', 'TABLE_DAMAGED')) throw error;
      const next = await servingGeneration(core, dataset.datasetId);
      const isSame =
        next?.generationId === serving.generationId && next.recorded.version === serving.recorded.version;
      if (isSame) await noteDamage(core, dataset, error.message);
      if (isSame || tries === TRIES_MAX) throw error;
      serving = next;
    }
  }
  return NOTHING_FOUND;
}

/** The generation, not the dataset, says what its vectors were made by: a reconfiguration may be switched to at any moment. */
async function searchGeneration(
  core: RuntimeCore,
  dataset: DatasetRecord,
  { tableName, configurationId, recorded }: FinishedGeneration,
  search: TableSearch,
  embed: QueryEmbedder,
): Promise<TableHits> {
  const { fields } = dataset;
  const configuration =
    configurationId === dataset.configurationId
      ? dataset
      : await (await core.catalog()).findConfiguration(configurationId);
  if (configuration === undefined) {
    // Collected since the generation was looked up: another one serves by now.
    throw new SynclineError('TABLE_MISSING', `The table "${tableName}" serves no longer.`);
  }
  const { profile } = configuration;
  const vector = await embed(dataset, configuration);
  const filter = search.filter === undefined ? undefined : parseFilter(search.filter, fields);
  const common = { limit: search.depth, version: recorded.version, ...(filter && { filter }) };
  const table = await core.store.openTable(tableName, { dimensions: profile.dimensions, fields });
  const [vectorHits, textHits] = await Promise.all([
    vector === undefined
      ? []
      : searchVectors(core, dataset, table, { ...common, vector, exact: search.exact }),
    search.mode === 'vector' ? [] : table.searchText({ ...common, text: search.query }),
  ]);
  const withDataset = (hit: TableHit): Hit => ({ dataset, hit });
  return { vector: vectorHits.map(withDataset), text: textHits.map(withDataset) };
}

/** By the vector index; past it when that cannot be read. */
async function searchVectors(
  core: RuntimeCore,
  dataset: DatasetRecord,
  table: VectorTable,
  query: VectorQuery,
): Promise<TableHit[]> {
  try {
    return await table.searchVector(query);
  } catch (error) {
    if (!isSynclineError(error, 'TABLE_DAMAGED') || query.exact) throw error;
    // Fails as well when it is the rows that cannot be read, or a version that is gone.
    const hits = await table.searchVector({ ...query, exact: true });
    const { message } = error;
    core.hub.emit({ type: 'table.indexDamaged', address: formatAddress(dataset.address), message });
    await noteDamage(core, dataset, message);
    return hits;
  }
}

/**
 * Has the worker of this runtime, if it has one, read the indexes of a table, and then its rows; it need not wait for the next
 * change to find out.
 */
async function noteDamage(core: RuntimeCore, dataset: DatasetRecord, reason: string): Promise<void> {
  const { datasetId, address } = dataset;
  const { supervision } = core;
  if (supervision === undefined) return;
  try {
    (await core.work().workFor(datasetId)).care.doubt = reason;
    supervision.tell(datasetId, formatAddress(address), { type: 'dataset.check' });
  } catch {
    // There is no worker any more, or no dataset: the error of the search itself is the one to tell.
  }
}

function rank(mode: SearchMode, vectorHits: readonly Hit[], textHits: readonly Hit[]): SearchResult[] {
  const vector = toRanking(vectorHits);
  const text = toRanking(textHits);
  const hits = new Map([...textHits, ...vectorHits].map((found) => [found.hit.chunkId, found]));
  const scores = mode === 'hybrid' ? fuseRankings([vector, text]) : mode === 'vector' ? vector : text;
  return scores.flatMap(({ id, score }) => {
    const found = hits.get(id);
    if (found === undefined) return [];
    const vectorScore = vector.find((entry) => entry.id === id)?.score;
    const textScore = text.find((entry) => entry.id === id)?.score;
    return [toResult(found, score, vectorScore, textScore)];
  });
}

function toRanking(hits: readonly Hit[]): Ranking {
  return hits
    .map(({ hit }) => ({ id: hit.chunkId, score: hit.score }))
    .sort((a, b) => b.score - a.score || a.id - b.id);
}

function toResult(
  { dataset, hit }: Hit,
  score: number,
  vectorScore: number | undefined,
  textScore: number | undefined,
): SearchResult {
  return {
    dataset: formatAddress(dataset.address),
    source: hit.source,
    key: hit.key,
    title: hit.title,
    context: hit.embeddedText.slice(0, hit.textStart).trimEnd(),
    text: hit.embeddedText.slice(hit.textStart),
    start: hit.start,
    end: hit.end,
    metadata: JSON.parse(hit.metadataJson) as Metadata,
    chunkId: hit.chunkId,
    score,
    vectorScore,
    textScore,
  };
}

function checkQuery(query: string, { limit = 10, mode = 'hybrid' }: SearchOptions): void {
  if (typeof query !== 'string' || query.trim() === '' || query.length > QUERY_LENGTH_MAX) {
    throw new SynclineError(
      'INVALID_QUERY',
      `A query is 1 to ${QUERY_LENGTH_MAX} characters, not only white space.`,
    );
  }
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX) {
    throw new SynclineError(
      'INVALID_QUERY',
      `The limit is ${limit}; give a whole number from 1 to ${LIMIT_MAX}.`,
    );
  }
  if (mode !== 'hybrid' && mode !== 'vector' && mode !== 'text') {
    throw new SynclineError('INVALID_QUERY', `The mode is "${String(mode)}"; give hybrid, vector or text.`);
  }
}
