/* Pictures for the documentation: they bring their looks along, as no page gives them any. */

/** By what is drawn, in a light and in a dark surrounding; the same as in `web/style`. */
const COLOURS: Readonly<Record<string, readonly [light: string, dark: string]>> = {
  surface: ['#ffffff', '#1a1d21'],
  raised: ['#f1f1ee', '#23272c'],
  line: ['#8c8c86', '#6d747d'],
  text: ['#1b1c1e', '#e6e7e8'],
  muted: ['#5b5d62', '#a2a7ae'],
  ready: ['#17703f', '#5fcb8e'],
  busy: ['#2453c0', '#8db2ff'],
  paused: ['#7d5200', '#e6b450'],
  error: ['#b3261e', '#ff9188'],
};

const coloursOf = (place: 0 | 1): string =>
  Object.entries(COLOURS)
    .map(([name, both]) => `--${name}:${both[place]}`)
    .join(';');

const tags = ['ready', 'busy', 'paused', 'error']
  .map((tag) => `.tag-${tag}>.strip,.tag-${tag}>.name .tag{fill:var(--${tag})}`)
  .join('\n');

const STYLE = `<style>
svg{${coloursOf(0)};background:var(--surface)}
@media (prefers-color-scheme:dark){svg{${coloursOf(1)}}}
text{fill:var(--text);font:11px ui-monospace,Menlo,Consolas,monospace;text-anchor:middle}
.name{font:600 13px system-ui,sans-serif}
.tag{font:11px ui-monospace,Menlo,Consolas,monospace}
.outer>text,.legend{text-anchor:start}
.guard,.act,.legend,.any .line{fill:var(--muted)}
.box{fill:var(--raised);stroke:var(--line)}
.outer>.box,.paper{fill:var(--surface)}
.region>.box{stroke-dasharray:5 4}
.ring,.wire{fill:none;stroke:var(--line)}
.wire{stroke-width:1.25}
.head{fill:var(--line)}
.initial{fill:var(--text)}
${tags}
</style>`;

/** The same picture with a style sheet of its own. */
export function standalone(svg: string): string {
  return svg.replace('</desc>\n', `</desc>\n${STYLE}\n`);
}
