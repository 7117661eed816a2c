import type {
  Catalog,
  CatalogWriter,
  DatasetRecord,
  GenerationRecord,
  IndexMark,
  PendingChunk,
  QueuedDocument,
} from '../../src/catalog/catalog.ts';
import { sha256, toHex } from '../../src/domain/hash.ts';
import type { Embedder } from '../../src/embedders/embedder.ts';
import { createInFlightTexts, type InFlightTexts } from '../../src/pipeline/in-flight-texts.ts';
import { OPEN_GATE } from '../../src/pipeline/spend-gate.ts';
import {
  createDatasetWork,
  type DatasetWork,
  DEFAULT_PIPELINE_SETTINGS,
  type PipelineSettings,
  type WorkReport,
} from '../../src/pipeline/work.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';
import type { TableRows, TableState, VectorStore, VectorTable } from '../../src/vectors/vector-store.ts';

/** An interface of which only some methods are needed; the others throw by name. */
function fake<Interface extends object>(name: string, methods: Partial<Interface>): Interface {
  return new Proxy(methods as Interface, {
    get(target, key, receiver) {
      if (key in target) return Reflect.get(target, key, receiver);
      throw new Error(`The fake ${name} has no ${String(key)}.`);
    },
  });
}

export const DIMENSIONS = 2;

const PROFILE = { provider: 'fake', model: 'fake', dimensions: DIMENSIONS, templateVersion: 1 } as const;

/** What several datasets of one profile share. */
export interface SharedTexts {
  readonly inFlightTexts: InFlightTexts;
  /** Hashes of texts whose vectors are stored. */
  readonly stored: Set<string>;
}

export function createSharedTexts(): SharedTexts {
  return { inFlightTexts: createInFlightTexts(), stored: new Set() };
}

export interface FakeWork {
  readonly work: DatasetWork;
  readonly reports: WorkReport[];
  /** What was done to the outside, in order. */
  readonly log: string[];
  /** Attempts charged, by text; -1 once it was given up. */
  readonly attempts: Map<string, number>;
  readonly marks: IndexMark[];
  /** Documents that wait for the table. */
  readonly queue: QueuedDocument[];
  /** Adds a text that waits for its vector. */
  addText(text: string): void;
  /** Version and row count of the table as it is, beside what is recorded. */
  readonly table: { state: TableState; failMark: boolean };
}

export interface FakeWorkOptions {
  readonly shared?: SharedTexts;
  readonly texts?: readonly string[];
  readonly embed?: Embedder['embed'];
  readonly limits?: Partial<Embedder['limits']>;
  readonly settings?: Partial<PipelineSettings>;
}

/** Embeds everything at once. */
export const embedAll: Embedder['embed'] = (texts) =>
  Promise.resolve({ vectors: texts.map(() => Float32Array.of(1, 0)), tokensCharged: texts.length });

export function createFakeWork(options: FakeWorkOptions = {}): FakeWork {
  const shared = options.shared ?? createSharedTexts();
  const texts: string[] = [...(options.texts ?? [])];
  const fakeWork: Omit<FakeWork, 'work'> = {
    reports: [],
    log: [],
    attempts: new Map(),
    marks: [],
    queue: [],
    addText: (text) => texts.push(text),
    table: { state: { version: 1, rowCount: 0 }, failMark: false },
  };
  const work = createDatasetWork({
    dataset: newDataset(),
    catalog: createCatalog(fakeWork, texts, shared),
    writer: createWriter(fakeWork, shared),
    store: fake<VectorStore>('store', {}),
    leaseSinceMs: 0,
    clock: systemClock,
    settings: { ...DEFAULT_PIPELINE_SETTINGS, ...options.settings },
    inFlightTexts: shared.inFlightTexts,
    embedderFor: () => newEmbedder(options),
    priceOf: () => undefined,
    spend: OPEN_GATE,
    report: (report) => fakeWork.reports.push(report),
    scheduleMaintenance: () => undefined,
    scheduleLook: () => undefined,
    onJob: () => undefined,
  });
  const generation = newGeneration(fakeWork);
  work.serving.current = {
    generation,
    configuration: work.dataset,
    table: createTable(fakeWork),
    recorded: { version: 1, rowCount: 0 },
  };
  return { ...fakeWork, work };
}

function newDataset(): DatasetRecord {
  return {
    datasetId: 1,
    configurationId: 1,
    profileId: 1,
    target: undefined,
    address: { project: 'p', dataset: 'd' },
    profile: PROFILE,
    fields: {},
    chunking: { tokensPerChunkMax: 100 },
    state: 'active',
    createdAtMs: 0,
  };
}

function newEmbedder({ embed = embedAll, limits = {} }: FakeWorkOptions): Embedder {
  return {
    ...PROFILE,
    limits: {
      itemsPerRequestMax: 4,
      tokensPerItemMax: 100,
      tokensPerRequestMax: 1_000,
      requestsInFlightMax: 2,
      ...limits,
    },
    embed,
  };
}

function newGeneration({ marks }: Pick<FakeWork, 'marks'>): GenerationRecord {
  const last = marks.at(-1);
  return {
    generationId: 1,
    datasetId: 1,
    tableName: 't1',
    state: 'serving',
    configurationId: 1,
    profileId: 1,
    retiredAtMs: undefined,
    recorded:
      last === undefined ? { version: 1, rowCount: 0 } : { version: last.version, rowCount: last.rowCount },
  };
}

function createCatalog(
  state: Omit<FakeWork, 'work'>,
  texts: readonly string[],
  { stored }: SharedTexts,
): Catalog {
  return fake<Catalog>('catalog', {
    async listPendingChunks(_, { afterChunkId, limit }) {
      const pending = texts.flatMap((text, index): PendingChunk[] => {
        const attemptCount = state.attempts.get(text) ?? 0;
        const textHash = sha256(text);
        if (stored.has(toHex(textHash)) || attemptCount < 0) return [];
        const place = { chunkId: index + 1, textHash, tokenCount: 1 };
        return [{ ...place, embeddedText: text, attemptCount, isPulledBack: false }];
      });
      return pending.filter(({ chunkId }) => chunkId > afterChunkId).slice(0, limit);
    },
    async listWritableDocuments() {
      const [first] = state.queue;
      return first === undefined ? [] : [first];
    },
    listGenerations: async () => [newGeneration(state)],
  });
}

function createWriter(state: Omit<FakeWork, 'work'>, { stored }: SharedTexts): CatalogWriter {
  return fake<CatalogWriter>('writer', {
    assertLease: async () => void state.log.push('assertLease'),
    async storeEmbeddings(_, embeddings) {
      state.log.push(`store ${embeddings.length}`);
      for (const { textHash } of embeddings) stored.add(toHex(textHash));
    },
    async recordTextFailures(_, failures) {
      for (const { error, giveUp } of failures) {
        const text = error.slice(error.lastIndexOf(' ') + 1);
        const before = state.attempts.get(text) ?? 0;
        state.attempts.set(text, giveUp ? -1 : before + 1);
      }
    },
    async recordTable() {
      state.log.push('recordTable');
    },
    async markIndexed(mark) {
      if (state.table.failMark) throw new Error('The catalog is away.');
      state.log.push(`mark v${mark.version} ${mark.rowCount} rows`);
      state.marks.push(mark);
      state.queue.shift();
    },
  });
}

function createTable(state: Omit<FakeWork, 'work'>): VectorTable {
  const commit = (what: string, rowCount: number): TableState => {
    state.log.push(what);
    state.table.state = { version: state.table.state.version + 1, rowCount };
    return state.table.state;
  };
  return fake<VectorTable>('table', {
    name: 't1',
    state: async () => state.table.state,
    append: async ({ rows }: TableRows) => commit('append', state.table.state.rowCount + rows.length),
    replaceDocuments: async (_, { rows }) => commit('replace', rows.length),
    restore: async (version) => commit(`restore v${version}`, state.marks.at(-1)?.rowCount ?? 0),
  });
}

export function queuedDocument(documentId: number, part: Partial<QueuedDocument> = {}): QueuedDocument {
  return {
    source: 'default',
    key: `k${documentId}`,
    queueSeq: documentId,
    documentId,
    revision: 1,
    title: '',
    metadataJson: '{}',
    metadataHash: sha256('{}'),
    contentHash: sha256(`content ${documentId}`),
    hasRows: false,
    chunks: [
      {
        chunkId: documentId * 10,
        ordinal: 0,
        start: 0,
        end: 1,
        tokenCount: 1,
        textHash: sha256(`text ${documentId}`),
        embeddedText: 'x',
        textStart: 0,
        vector: Float32Array.of(1, 0),
      },
    ],
    ...part,
  };
}
