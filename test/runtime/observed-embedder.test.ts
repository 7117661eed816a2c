import { describe, expect, test } from 'bun:test';
import { SynclineError } from '../../src/domain/errors.ts';
import type { Embedder } from '../../src/embedders/embedder.ts';
import { createEventHub, type SynclineEvent } from '../../src/runtime/events.ts';
import { createEmbedderObserver } from '../../src/runtime/observed-embedder.ts';
import { systemClock } from '../../src/runtime/system-clock.ts';

/** An embedder as a host may write one: an object of a class, with private state. */
class HostEmbedder implements Embedder {
  readonly provider = 'host';
  readonly model = 'model';
  readonly dimensions = 1;
  readonly limits = {
    itemsPerRequestMax: 9,
    tokensPerItemMax: 9,
    tokensPerRequestMax: 9,
    requestsInFlightMax: 1,
  };
  readonly price = { usdPerMillionTokens: 2, source: 'here', asOf: '2026-11' };
  #calls = 0;

  async embed(texts: readonly string[]) {
    this.#calls += 1;
    if (texts.includes('bad')) throw new SynclineError('PROVIDER_AUTH', 'no');
    return { vectors: texts.map(() => new Float32Array([this.#calls])), tokensCharged: 500_000 };
  }

  forModel() {
    return this.#calls === 0 ? this : undefined;
  }
}

function observe() {
  const events: SynclineEvent[] = [];
  const hub = createEventHub(() => 0);
  hub.on((event) => events.push(event));
  return { events, observer: createEmbedderObserver(hub, systemClock) };
}

describe('an observed embedder', () => {
  test('answers as the embedder does, and tells each request with its cost', async () => {
    const { events, observer } = observe();
    const own = new HostEmbedder();
    const embedder = observer(own);
    expect([embedder.provider, embedder.dimensions, embedder.forModel?.('m', 1)]).toEqual(['host', 1, own]);
    expect((await embedder.embed(['a', 'b'], { purpose: 'query' })).vectors).toHaveLength(2);
    expect(events).toEqual([
      {
        type: 'provider.answered',
        atMs: 0,
        provider: 'host',
        model: 'model',
        purpose: 'query',
        texts: 2,
        tokensCharged: 500_000,
        costUsd: 1,
        durationMs: expect.any(Number),
        code: undefined,
      },
    ]);
    expect(observer(own)).toBe(embedder);
  });

  test('tells the code of an error, and throws it', async () => {
    const { events, observer } = observe();
    const failure = await observer(new HostEmbedder())
      .embed(['bad'], { purpose: 'document' })
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'PROVIDER_AUTH' });
    expect(events).toMatchObject([{ code: 'PROVIDER_AUTH', tokensCharged: undefined, costUsd: undefined }]);
  });
});
