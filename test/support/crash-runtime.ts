/* How the programs that are killed or stopped, and the tests that follow them, open a runtime and take a step. */
import {
  createOpenAiEmbedder,
  createSyncline,
  isSynclineError,
  type Syncline,
  type SynclineOptions,
} from '../../src/index.ts';
import type { CrashStep } from './crash-source.ts';

export const CRASH_DIMENSIONS = 32;

export interface CrashRuntimeOptions extends SynclineOptions {
  readonly dataDir: string;
  readonly baseUrl: string;
  /** Tells the provider who asks: it is the API key. */
  readonly name: string;
}

export function openCrashRuntime(options: CrashRuntimeOptions): Syncline {
  return createSyncline(crashOptions(options));
}

export function crashOptions({ baseUrl, name, ...options }: CrashRuntimeOptions): SynclineOptions {
  return {
    environment: {},
    durableTables: false,
    tokensPerChunkMax: 96,
    embedder: createOpenAiEmbedder({
      model: 'test-model',
      dimensions: CRASH_DIMENSIONS,
      sendDimensions: true,
      baseUrl,
      apiKey: name,
      limits: {
        itemsPerRequestMax: 8,
        tokensPerItemMax: 8_191,
        tokensPerRequestMax: 100_000,
        requestsInFlightMax: 4,
      },
    }),
    ...options,
  };
}

/** Takes a step; one of documents of a dataset that is not there (any more) changes nothing. */
export async function takeStep(runtime: Syncline, address: string, step: CrashStep): Promise<void> {
  const dataset = runtime.dataset(address);
  if (step.kind === 'ingest') await dataset.ingest(step.documents, { mode: step.mode });
  else if (step.kind === 'remove') await unlessMissing(dataset.deleteDocuments(step.keys));
  else await unlessMissing(dataset.delete());
}

export async function unlessMissing(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isSynclineError(error, 'DATASET_NOT_FOUND')) throw error;
  }
}
