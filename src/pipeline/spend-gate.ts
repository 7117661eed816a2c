import type { CatalogWriter } from '../catalog/catalog.ts';

/** A request that costs money, before it is sent. */
export interface SpendRequest {
  readonly datasetId: number;
  /** `project/dataset`. */
  readonly address: string;
  /** What it will cost, by the tokenizer's count; `undefined` where the price is not known: then no cap can hold it. */
  readonly usd: number | undefined;
  /** The writer of the dataset's session. */
  readonly writer: CatalogWriter;
}

/** Whom requests ask before they are sent, so that nobody spends more than was allowed. */
export interface SpendGate {
  /**
   * Sets the money aside until the returned function is called: when the answer was charged, or there is none.
   *
   * @throws SynclineError `SPEND_CAP_REACHED` when the request would pass a cap.
   */
  admit(request: SpendRequest): Promise<() => void>;
  /** There is a cap on the runs of the dataset: what it spends counts in the one that is under way. */
  hasRunCap(datasetId: number): boolean;
}

const nothing = (): void => undefined;

/** No cap at all. */
export const OPEN_GATE: SpendGate = {
  admit: () => Promise.resolve(nothing),
  hasRunCap: () => false,
};
