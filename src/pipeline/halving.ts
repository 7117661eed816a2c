import type { PendingChunk } from '../catalog/catalog.ts';
import type { SynclineError } from '../domain/errors.ts';
import type { Embedder, EmbedderLimits } from '../embedders/embedder.ts';
import { budgetedTokens, packRequests, splitRequest } from '../embedders/pack-requests.ts';

type Request = readonly PendingChunk[];

/** A refused request whose halves are on their way. */
interface Refused {
  readonly items: number;
  readonly tokens: number;
  readonly isAboutTokens: boolean;
  acceptedHalves: number;
}

/** Halves refused requests, and finds out from what becomes of the halves whether the request was just too large. */
export interface Halving {
  /** The halves of a refused request; `undefined` when one text stands alone. */
  split(request: Request, error: SynclineError): readonly [PendingChunk[], PendingChunk[]] | undefined;
  /** Whether the limits have changed: both halves of a request were taken, so no request of its size is sent again. */
  noteAccepted(request: Request): boolean;
}

export function createHalving(embedder: Embedder): Halving {
  const halves = new WeakMap<Request, Refused>();
  return {
    split(request, error) {
      const parts = splitRequest(request);
      if (parts === undefined) return undefined;
      const tokens = request.reduce((sum, chunk) => sum + budgetedTokens(chunk), 0);
      // Servers have no common code for it; all of them say what it is that there is too much of.
      const isAboutTokens = /token|context length|too long/i.test(error.message);
      const refused: Refused = { items: request.length, tokens, isAboutTokens, acceptedHalves: 0 };
      for (const part of parts) halves.set(part, refused);
      return parts;
    },
    noteAccepted(request) {
      const refused = halves.get(request);
      if (refused === undefined) return false;
      refused.acceptedHalves += 1;
      if (refused.acceptedHalves < 2) return false;
      embedder.noteTooLarge?.(refused);
      return embedder.noteTooLarge !== undefined;
    },
  };
}

/** The same requests, those cut that are over the limits by now. None is put together with another: it may be suspect. */
export function withinLimits(requests: readonly PendingChunk[][], limits: EmbedderLimits): PendingChunk[][] {
  return requests.flatMap((request) => packRequests(request, limits));
}

/** Texts that were refused alone before go alone again: who is packed with them would be refused, too. */
export function packPending(
  chunks: readonly PendingChunk[],
  limits: EmbedderLimits,
): { readonly fresh: PendingChunk[][]; readonly suspects: PendingChunk[][] } {
  const fresh = chunks.filter(({ attemptCount }) => attemptCount === 0);
  const suspects = chunks.filter(({ attemptCount }) => attemptCount > 0).map((chunk) => [chunk]);
  return { fresh: packRequests(fresh, limits), suspects };
}

/** HTTP answers that say that this request will be refused again, whenever it is sent; 429 where it alone is more than a minute holds. */
const FINAL_STATUSES: readonly unknown[] = [400, 413, 422, 429];

/**
 * Whether a text that was refused alone is refused for good: sending it again would be the same request. So is one that the
 * provider failed at again and again while it answered others.
 */
export function isFinal({ code, details }: SynclineError): boolean {
  if (code !== 'EMBEDDING_REQUEST_REFUSED') return false;
  return details.failsAlways === true || FINAL_STATUSES.includes(details.status);
}
