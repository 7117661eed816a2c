/**
 * Time and chance, as the runtime and its stages know them. They ask nothing else for either, so that whoever gives them
 * another clock decides what happens when.
 */
export interface Clock {
  /** Unix milliseconds: for what people read. */
  nowMs(): number;
  /** Milliseconds since some moment, never going back: for measuring and for deadlines. */
  monotonicMs(): number;
  /** Calls back once, `delayMs` from now or a little later; returns the function that calls it off. */
  setTimer(delayMs: number, callback: () => void): () => void;
  /** A number from 0 to below 1. */
  random(): number;
  /** An id that nobody else has. */
  newId(): string;
}
