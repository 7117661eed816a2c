import { afterEach } from 'bun:test';
import {
  createOpenAiEmbedder,
  createSyncline,
  type Syncline,
  type SynclineEvent,
  type SynclineOptions,
} from '../../src/index.ts';
import {
  type EmbeddingServer,
  type EmbeddingServerOptions,
  startEmbeddingServer,
} from './embedding-server.ts';
import { makeTempDir } from './temp-dir.ts';

/** Small enough to be quick, large enough to be told apart. */
export const TEST_DIMENSIONS = 32;

/** A runtime on real files with a provider over real HTTP, and everything that it told. */
export interface TestRuntime {
  readonly runtime: Syncline;
  readonly provider: EmbeddingServer;
  readonly dataDir: string;
  readonly events: readonly SynclineEvent[];
  /** Another runtime on the same files and provider. */
  another(options?: SynclineOptions): Syncline;
}

const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  while (open.length > 0) await open.pop()?.();
});

export async function startTestRuntime(
  options: SynclineOptions = {},
  server: EmbeddingServerOptions = {},
): Promise<TestRuntime> {
  const provider = await startEmbeddingServer({ dimensions: TEST_DIMENSIONS, ...server });
  open.push(async () => provider[Symbol.asyncDispose]());
  const folder = makeTempDir();
  open.unshift(async () => folder.remove());
  const dataDir = folder.join('data');
  const events: SynclineEvent[] = [];
  const make = (own: SynclineOptions): Syncline => {
    const runtime = createSyncline({
      dataDir,
      durableTables: false,
      drainTimeoutMs: 5_000,
      environment: {},
      embedder: testEmbedder(provider),
      ...own,
    });
    runtime.on((event) => events.push(event));
    open.push(() => runtime.stop());
    return runtime;
  };
  return {
    runtime: make(options),
    provider,
    dataDir,
    events,
    another: (own = {}) => make({ ...options, ...own }),
  };
}

export function testEmbedder(provider: EmbeddingServer, dimensions = TEST_DIMENSIONS) {
  return createOpenAiEmbedder({
    model: 'test-model',
    dimensions,
    sendDimensions: true,
    baseUrl: provider.url,
    apiKey: 'test-key',
    timeoutMs: 5_000,
    limits: {
      itemsPerRequestMax: 16,
      tokensPerItemMax: 8_191,
      tokensPerRequestMax: 100_000,
      requestsInFlightMax: 4,
    },
  });
}

/** Waits until `condition` holds, looking again at every event of the runtime and every few milliseconds. */
export async function waitFor(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 110_000,
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`Waited ${timeoutMs} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/**
 * What a promise rejects with. `expect(promise).rejects` of Bun 1.4 holds the event loop while it waits, so that work
 * which needs timers or worker threads never ends under it.
 */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('The promise was expected to reject.');
}
