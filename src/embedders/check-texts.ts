import { SynclineError } from '../domain/errors.ts';

/**
 * Refuses a request that breaks the contract of `Embedder.embed`: no text, more than `itemsMax`, or an empty one.
 *
 * @throws SynclineError `EMBEDDING_REQUEST_REFUSED`, as a server would, so that the caller's halving finds the guilty text.
 */
export function checkTexts(texts: readonly string[], itemsMax: number, embedder: string): void {
  const reason =
    texts.length === 0
      ? 'there is no text in it; send at least one'
      : texts.length > itemsMax
        ? `it holds ${texts.length} texts; at most ${itemsMax} are allowed, send it in parts`
        : texts.includes('')
          ? `text ${texts.indexOf('')} is empty; leave empty texts out`
          : undefined;
  if (reason === undefined) return;
  throw new SynclineError(
    'EMBEDDING_REQUEST_REFUSED',
    `The request to ${embedder} was not sent: ${reason}.`,
    {
      details: { itemCount: texts.length },
    },
  );
}
