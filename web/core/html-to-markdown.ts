const LEFT_OUT = 'script,style,noscript,template,svg,nav,header,footer,aside,form,iframe,button';
const BLOCKS = new Set([
  'P',
  'DIV',
  'SECTION',
  'ARTICLE',
  'MAIN',
  'BODY',
  'UL',
  'OL',
  'TABLE',
  'TR',
  'DL',
  'DD',
  'DT',
  'BLOCKQUOTE',
  'FIGURE',
]);

/** The text of a page with its headings, lists and code; nothing of it is run or loaded. */
export function htmlToMarkdown(html: string): { readonly title: string; readonly content: string } {
  const page = new DOMParser().parseFromString(html, 'text/html');
  const title = page.title.trim();
  for (const element of page.querySelectorAll(LEFT_OUT)) element.remove();
  const content = render(page.querySelector('main, article') ?? page.body)
    .replace(/[ \t]+\n/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
  return { title, content };
}

function render(node: Node): string {
  if (node.nodeType === Node.TEXT_NODE) return (node.textContent ?? '').replace(/\s+/g, ' ');
  if (!(node.nodeType === Node.ELEMENT_NODE)) return '';
  const { tagName } = node as Element;
  if (tagName === 'PRE') return `\n\n\`\`\`\n${(node.textContent ?? '').trimEnd()}\n\`\`\`\n\n`;
  if (tagName === 'BR') return '\n';
  const inside = [...node.childNodes].map(render).join('');
  const level = /^H([1-6])$/.exec(tagName)?.[1];
  if (level !== undefined) return `\n\n${'#'.repeat(Number(level))} ${inside.trim()}\n\n`;
  if (tagName === 'LI') return `\n- ${inside.trim()}`;
  if (tagName === 'TD' || tagName === 'TH') return `${inside.trim()} | `;
  if (tagName === 'CODE') return `\`${inside}\``;
  return BLOCKS.has(tagName) ? `\n\n${inside.trim()}\n\n` : inside;
}
