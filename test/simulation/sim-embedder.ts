import type { BatchApi } from '../../src/batch/batch-api.ts';
import { SynclineError } from '../../src/domain/errors.ts';
import type { Embedder, EmbedResult } from '../../src/embedders/embedder.ts';
import { type Ledger, SIM_DIMENSIONS, vectorOf } from './ledger.ts';
import { POISON } from './source.ts';
import type { SimProcess, World } from './world.ts';

const LIMITS = {
  itemsPerRequestMax: 3,
  tokensPerItemMax: 1_000,
  tokensPerRequestMax: 200,
  requestsInFlightMax: 2,
};

export interface SimEmbedderParts {
  readonly world: World;
  readonly process: SimProcess;
  readonly ledger: Ledger;
  /** Called with the texts of each request before it is sent. */
  readonly onRequest: (process: SimProcess, texts: readonly string[]) => void;
  readonly batch?: BatchApi;
}

/** A provider whose vectors depend on the text alone. */
export function createSimEmbedder(parts: SimEmbedderParts): Embedder {
  const { world, process, ledger, onRequest, batch } = parts;
  const underWay = ledger.inFlight.get(process.name) ?? new Set<string>();
  ledger.inFlight.set(process.name, underWay);

  const answer = (texts: readonly string[], isFlaky: boolean): EmbedResult => {
    if (isFlaky || texts.some((text) => text.includes(POISON))) {
      const [alone] = texts;
      if (alone !== undefined && texts.length === 1) ledger.refused.add(alone);
      throw new SynclineError('EMBEDDING_REQUEST_REFUSED', 'The simulated provider refuses this.');
    }
    for (const text of texts) ledger.paid.set(text, (ledger.paid.get(text) ?? 0) + 1);
    return { vectors: texts.map(vectorOf), tokensCharged: texts.length };
  };

  return {
    provider: 'simulated',
    model: 'simulated',
    dimensions: SIM_DIMENSIONS,
    limits: LIMITS,
    ...(batch && { batch }),
    async embed(texts, { purpose, signal }) {
      const isQuery = purpose === 'query';
      const isFlaky = !isQuery && world.isFaulty() && world.random.chance(world.plan.flakyRefusals);
      if (!isQuery) onRequest(process, texts);
      if (!isQuery) for (const text of texts) underWay.add(text);
      try {
        return await process.call({
          port: 'embedder',
          name: `embed ${texts.length}${isQuery ? ' query' : ''}`,
          effect: () =>
            isQuery ? { vectors: texts.map(vectorOf), tokensCharged: 0 } : answer(texts, isFlaky),
          signal,
        });
      } finally {
        if (!isQuery) for (const text of texts) underWay.delete(text);
      }
    },
  };
}
