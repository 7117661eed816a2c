import type { Clock } from '../domain/clock.ts';
import type { Price } from '../domain/cost.ts';
import { toSynclineError } from '../domain/errors.ts';
import type { Embedder } from '../embedders/embedder.ts';
import type { EventHub } from './events.ts';

/**
 * Tells the hub how each request to an embedder ended, and what it cost. The same embedder gives the same observed one.
 *
 * @param priceOf - Default: as the embedder knows it.
 */
export function createEmbedderObserver(
  hub: EventHub,
  clock: Clock,
  priceOf: (embedder: Embedder) => Price | undefined = ({ price }) => price,
): (embedder: Embedder) => Embedder {
  const observed = new WeakMap<Embedder, Embedder>();
  return (embedder) => {
    const known = observed.get(embedder) ?? observe(embedder, hub, clock, priceOf(embedder));
    observed.set(embedder, known);
    return known;
  };
}

function observe(embedder: Embedder, hub: EventHub, clock: Clock, price: Price | undefined): Embedder {
  const { provider, model } = embedder;
  const embed: Embedder['embed'] = async (texts, options) => {
    const startMs = clock.monotonicMs();
    const tell = (code: string | undefined, tokensCharged: number | undefined): void =>
      hub.emit({
        type: 'provider.answered',
        provider,
        model,
        purpose: options.purpose,
        texts: texts.length,
        tokensCharged,
        costUsd:
          price === undefined || tokensCharged === undefined
            ? undefined
            : (tokensCharged * price.usdPerMillionTokens) / 1_000_000,
        durationMs: clock.monotonicMs() - startMs,
        code,
      });
    try {
      const result = await embedder.embed(texts, options);
      tell(undefined, result.tokensCharged);
      return result;
    } catch (error) {
      tell(toSynclineError(error).code, undefined);
      throw error;
    }
  };
  // An embedder of the host may be an object of a class: all but `embed` is asked of itself.
  return new Proxy(embedder, {
    get: (target, name) => {
      if (name === 'embed') return embed;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
