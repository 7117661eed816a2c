// C0 and C1 controls, and marks that turn the direction of text: a document must not be able to drive the terminal.
const CONTROLS = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu;

/** Text from outside on one line and without control characters, so that it cannot drive a terminal or forge a line. */
export function printable(text: string): string {
  return text.toWellFormed().replace(CONTROLS, ' ');
}
