import type { PendingChunk } from '../catalog/catalog.ts';
import { isSynclineError, SynclineError, toSynclineError } from '../domain/errors.ts';
import { toHex } from '../domain/hash.ts';
import type { Embedder } from '../embedders/embedder.ts';
import { isFinal } from './halving.ts';

/** Single texts refused before any was accepted: then the provider or its settings are at fault, not the texts. */
const REFUSED_BEFORE_BLAMING_PROVIDER = 4;
/** What is sent to find out whether a provider that has accepted nothing yet accepts anything. */
const PROOF_TEXT = 'probe';

/** Whether a text is to blame for being refused, or the provider with what we have set for it; for one run of the embed stage. */
export interface Blame {
  noteAccepted(): void;
  /**
   * @returns Whether a text that was refused alone is refused for good. It is never sent again to find that out: where nothing
   * was accepted yet, one word is.
   * @throws SynclineError `PROVIDER_FAILED` when the provider takes nothing at all; its own error when it fails.
   */
  isForGood(chunk: Pick<PendingChunk, 'textHash'>, error: SynclineError): Promise<boolean>;
}

export function createBlame(embedder: Embedder, signal: AbortSignal): Blame {
  let hasAccepted = false;
  /** Hashes (hex) of the texts that were refused alone before anything was accepted. */
  const refused = new Set<string>();
  let proof: Promise<void> | undefined;

  const nothingAccepted = (error: SynclineError): SynclineError => {
    const texts = refused.size === 1 ? 'a text' : `${refused.size} different texts`;
    return new SynclineError(
      'PROVIDER_FAILED',
      `${embedder.provider} refused ${texts} and accepted none; the last answer was: ${error.message} Check model, dimensions and base URL.`,
      { cause: error },
    );
  };
  const prove = async (): Promise<void> => {
    try {
      await embedder.embed([PROOF_TEXT], { purpose: 'query', signal });
    } catch (error) {
      throw isTextScoped(error) ? nothingAccepted(toSynclineError(error)) : error;
    }
  };
  return {
    noteAccepted() {
      hasAccepted = true;
    },
    async isForGood({ textHash }, error) {
      if (hasAccepted) return isFinal(error);
      refused.add(toHex(textHash));
      if (refused.size >= REFUSED_BEFORE_BLAMING_PROVIDER) throw nothingAccepted(error);
      if (!isFinal(error)) return false;
      proof ??= prove();
      await proof;
      return true;
    },
  };
}

/** Whether a request failed because of its texts, as far as its answer tells. */
export function isTextScoped(error: unknown): boolean {
  return isSynclineError(error, 'EMBEDDING_REQUEST_REFUSED', 'EMBEDDING_ANSWER_INVALID');
}
