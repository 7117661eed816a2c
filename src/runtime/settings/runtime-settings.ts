import { DEFAULT_MAINTENANCE } from '../../pipeline/maintenance-need.ts';
import { VECTOR_INDEX_BYTES_MIN } from '../../vectors/vector-store.ts';
import { amount, choice, flag, object, share, text, wholeNumber } from './setting.ts';

/** Where everything is when nobody says where, below the working folder. */
export const DATA_DIR_DEFAULT = '.syncline';

/** The options of `createSyncline` that are a single value. */
export const RUNTIME_SETTINGS = {
  dataDir: text({
    default: DATA_DIR_DEFAULT,
    flag: '--data-dir <folder>',
    meaning: 'Folder for catalog and tables',
  }),
  catalogUrl: text({
    defaultText: '`catalog.db` in `dataDir`',
    flag: '--catalog-url <url>',
    meaning: 'The catalog: a file, or the URL of a libSQL server (`libsql://`, `http(s)://`, `ws(s)://`)',
  }),
  catalogAuthToken: text({ defaultText: 'none', secret: true, meaning: 'Token for a libSQL server' }),
  vectorsUri: text({
    defaultText: '`vectors` in `dataDir`',
    flag: '--vectors-uri <folder>',
    meaning: 'Folder of the LanceDB tables',
  }),
  access: choice(['readWrite', 'readOnly'], {
    default: 'readWrite',
    library: true,
    meaning: '`readOnly` only looks: it takes no lease and creates nothing',
  }),
  moreEmbedders: object('a list of embedders', {
    defaultText: '[]',
    meaning:
      'Embedders besides that one, for datasets made by other models and for [changing the model](operations.md)',
  }),
  prices: object('an object of prices', {
    defaultText: '{}',
    meaning: 'What models cost, by `provider/model`, where that is not known; see [costs](costs.md)',
  }),
  datasets: object('an object of datasets', {
    defaultText: '{}',
    meaning:
      'Datasets with their sources and schedules, by address; see [indexing](indexing.md#configuration)',
  }),
  environment: object('an object such as process.env', {
    defaultText: '`process.env`',
    library: true,
    meaning: 'The environment in which the settings of the embedder are looked for',
  }),
  tokensPerChunkMax: wholeNumber(32, 8_191, {
    default: 512,
    meaning: 'Most tokens of one embedded text, for datasets created from now on',
  }),
  documentLengthMax: wholeNumber(1, 268_435_456, {
    default: 16_777_216,
    meaning: 'Longest content of one document, in UTF-16 units',
  }),
  textAttemptsMax: wholeNumber(1, 1_000, {
    default: 3,
    meaning: 'Attempts at a text that its provider refuses, before it is given up',
  }),
  tooLongTexts: choice(['truncate', 'fail'], {
    default: 'truncate',
    meaning:
      'What becomes of a text that is longer than its model takes: its [beginning is embedded](embedders.md#texts-that-are-too-long), or it is given up (`fail`)',
  }),
  durableTables: flag({
    default: true,
    meaning:
      "Whether a table's files are on disk (fsync) before the catalog says so; see [operations](operations.md#durability)",
  }),
  generationsKeptMax: wholeNumber(0, 10, {
    default: 1,
    meaning: 'Earlier tables of a dataset that are kept for a rollback, at most',
  }),
  generationKeptMs: wholeNumber(0, 31_536_000_000, {
    default: 604_800_000,
    meaning: 'How long they are kept, in ms (7 days)',
  }),
  repairShareMax: share({
    default: 0.2,
    meaning:
      'Share of damaged rows above which a table is built anew instead of being repaired in place, neither of which embeds anything',
  }),
  removalShareMax: share({
    default: 0.5,
    meaning:
      "Share of a source's documents: an index run that would remove more of them (and more than 20) removes none and fails",
  }),
  sourceIdleMsMax: wholeNumber(100, 86_400_000, {
    default: 600_000,
    meaning: 'Longest time in which a source may give nothing, in ms (10 minutes)',
  }),
  watchedSourcesMax: wholeNumber(1, 10_000, {
    default: 500,
    meaning:
      'Sources with `watch: true` that a worker watches at once; those beyond are not watched, which health and status tell',
  }),
  datasetsAtWorkMax: wholeNumber(1, 1_000, { default: 4, meaning: 'Datasets at work at the same time' }),
  datasetActorsMax: wholeNumber(1, 10_000, {
    default: 1_000,
    meaning: 'Dataset actors alive at the same time',
  }),
  datasetOrder: choice(['largestBacklog', 'oldestChange'], {
    default: 'largestBacklog',
    meaning: 'Which waiting dataset is worked on first; or `oldestChange`',
  }),
  pollIntervalMs: wholeNumber(100, 86_400_000, {
    default: 15_000,
    meaning: 'How often a started runtime asks the catalog for what others changed, in ms',
  }),
  batchPollIntervalMs: wholeNumber(10, 86_400_000, {
    default: 60_000,
    meaning: 'How often a started runtime asks a provider for the state of a batch job, in ms',
  }),
  batchSettleMs: wholeNumber(0, 86_400_000, {
    default: 600_000,
    meaning:
      'How long the submission of a batch job whose answer was lost may still turn up at its provider before it is made anew, in ms',
  }),
  drainTimeoutMs: wholeNumber(0, 3_600_000, {
    default: 10_000,
    meaning: 'How long stopping waits for work under way before it aborts it, in ms',
  }),
  leaseTtlMs: wholeNumber(1_000, 3_600_000, {
    default: 30_000,
    meaning: 'How long the lease lasts without a heartbeat, in ms',
  }),
  leaseWaitMs: wholeNumber(0, 86_400_000, {
    default: 0,
    meaning: 'How long a start waits for the lease while another worker holds it, in ms',
  }),
  catalogTimeoutMs: wholeNumber(100, 3_600_000, {
    default: 30_000,
    meaning: 'Longest wait for one request to a libSQL server or for a lock on a local catalog, in ms',
  }),
};

/** The option `spend`. */
export const SPEND_SETTINGS = {
  usdPerDayMax: amount({
    defaultText: 'no cap',
    meaning: 'What embedding may cost in a day (UTC), in US dollars; see [costs](costs.md#caps)',
  }),
  usdPerRunMax: amount({
    defaultText: 'no cap',
    meaning: 'What one run of a dataset may cost, in US dollars',
  }),
};

/** The option `maintenance`. */
export const MAINTENANCE_SETTINGS = {
  smallFragmentsMax: wholeNumber(2, 10_000, {
    default: DEFAULT_MAINTENANCE.smallFragmentsMax,
    meaning: 'Small fragments, about one per commit, that are left alone',
  }),
  unindexedRowsMax: wholeNumber(0, 100_000_000, {
    default: DEFAULT_MAINTENANCE.unindexedRowsMax,
    meaning: 'Rows that searches may scan beside the indexes',
  }),
  versionsKeptMs: wholeNumber(0, 86_400_000, {
    default: DEFAULT_MAINTENANCE.versionsKeptMs,
    meaning: 'How long replaced versions are kept for readers in other processes, in ms',
  }),
  vectorIndexBytesMin: wholeNumber(0, Number.MAX_SAFE_INTEGER, {
    default: VECTOR_INDEX_BYTES_MIN,
    meaning: "Size of a table's vectors, in bytes, from which on it gets a vector index",
  }),
};

/** The option `embedder`, when it is not an embedder object. What they mean in full: docs/embedders.md. */
export const EMBEDDER_SETTINGS = {
  provider: choice(['local', 'openai'], {
    defaultText: 'by what else is set, else `local`',
    env: 'SYNCLINE_EMBEDDER',
    flag: '--embedder <name>',
    meaning: 'Embedder of new datasets',
  }),
  model: text({
    defaultText: "OpenAI's `text-embedding-3-small`",
    env: 'SYNCLINE_EMBEDDING_MODEL',
    flag: '--model <name>',
    meaning: 'Embedding model; chooses `openai`',
  }),
  dimensions: wholeNumber(1, 8_192, {
    defaultText: 'known for the models of OpenAI',
    env: 'SYNCLINE_EMBEDDING_DIMENSIONS',
    flag: '--dimensions <number>',
    meaning: 'Length of the vectors',
  }),
  sendDimensions: flag({
    defaultText: 'for `text-embedding-3` only',
    env: 'SYNCLINE_EMBEDDING_SEND_DIMENSIONS',
    meaning: 'Whether to ask the server for that length',
  }),
  baseUrl: text({
    defaultText: "OpenAI's",
    env: 'SYNCLINE_EMBEDDING_BASE_URL',
    flag: '--base-url <url>',
    meaning: "Server with OpenAI's protocol (Ollama, vLLM, TEI, LM Studio, …); chooses `openai`",
  }),
  apiKey: text({
    defaultText: '`OPENAI_API_KEY`, for OpenAI alone',
    env: 'SYNCLINE_EMBEDDING_API_KEY',
    secret: true,
    meaning: 'Key of that server; chooses `openai`',
  }),
  timeoutMs: wholeNumber(1, 3_600_000, {
    defaultText: '60,000',
    env: 'SYNCLINE_EMBEDDING_TIMEOUT_MS',
    meaning: 'Time for one request to it, in ms',
  }),
  server: choice(['openai', 'gemini', 'ollama', 'vllm', 'tei', 'lmstudio', 'compatible'], {
    defaultText: 'by its address, else `compatible`',
    env: 'SYNCLINE_EMBEDDING_SERVER',
    meaning: 'What that server is, for its [limits](embedders.md#limits)',
  }),
  batch: object('an object such as { enqueuedTokensMax: 20000000 }', {
    defaultText: 'see [batch jobs](batch.md)',
    meaning: 'Single limits of its batch API; an empty one tells that a compatible server has it',
  }),
  limits: object('an object such as { itemsPerRequestMax: 16 }', {
    defaultText: 'see [embedders](embedders.md)',
    meaning: "Replaces single limits of the server's profile",
  }),
};
