/** How good a place before a unit is for ending a chunk: the higher, the better. */
export const Strength = {
  /** Inside a word, behind a heading, before the end of a fence. */
  None: 0,
  Word: 1,
  Sentence: 2,
  IndentedLine: 3,
  Line: 4,
  /** A line behind a blank line, in a block that is too long for one chunk. */
  Paragraph: 5,
  /** Before a block that is indented: it continues a list item, or the function that the block before it is of. */
  IndentedBlock: 6,
  /** Between two blocks. */
  Block: 7,
} as const;

/** A piece of text that is not divided further: a block, a line or a word. */
export interface Unit {
  readonly start: number;
  readonly end: number;
  /** Exact tokens of the text from start to end, behind the unit before it. */
  readonly tokens: number;
  /** White space at its start, in UTF-16 units: it goes to the chunk before when a chunk ends here. */
  readonly lead: number;
  /** One of {@link Strength}. */
  readonly strength: number;
  /** Whether a chunk has to end before it, because the run that it continues is too long for the tokenizer. */
  readonly isForced: boolean;
}
