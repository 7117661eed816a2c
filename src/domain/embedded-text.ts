/**
 * The version of the template below and of how the chunker makes `context`. It is part of the embedding profile: texts
 * made by different templates are never mixed in one table.
 */
export const TEMPLATE_VERSION = 1;

/** What stands between the context and the chunk's own text. */
const SEPARATOR = '\n\n';

/** Where the chunk's own text starts in its embedded text, in UTF-16 units. */
export function textStartAfter(context: string): number {
  return context === '' ? 0 : context.length + SEPARATOR.length;
}

/** The text that is embedded, hashed and searched: the context (title and headings), a blank line, the chunk's text. */
export function renderEmbeddedText(context: string, text: string): string {
  return context === '' ? text : `${context}${SEPARATOR}${text}`;
}

/** The context of an embedded text whose own text starts at `textStart`. */
export function contextBefore(embeddedText: string, textStart: number): string {
  return textStart === 0 ? '' : embeddedText.slice(0, textStart - SEPARATOR.length);
}
