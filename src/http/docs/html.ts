const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A text as HTML shows it, in an attribute, too. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

export function code(text: string): string {
  return `<code>${escapeHtml(text)}</code>`;
}

/** A paragraph; what stands between backticks is code. */
export function prose(text: string): string {
  const parts = text.split('`').map((part, index) => (index % 2 === 1 ? code(part) : escapeHtml(part)));
  return `<p>${parts.join('')}</p>`;
}
