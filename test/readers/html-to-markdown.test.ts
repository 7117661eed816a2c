import { describe, expect, test } from 'bun:test';
import { htmlToMarkdown } from '../../src/readers/html-to-markdown.ts';

const PAGE = `<!doctype html>
<html><head><meta charset="utf-8"><title> A &amp; B
 page </title><style>p { color: red }</style><script>alert("<p>no</p>")</script></head>
<body>
<nav><a href="/">Home</a> <a href="/x">X</a></nav>
<h1>Big <em>title</em></h1>
<p>One   paragraph
with <b>bold</b>&nbsp;text &lt;here&gt;.<br>Next line.</p>
<script>more()</script>
<ul><li>first<li><p>second</p></ul>
<h2>Code</h2>
<pre><code># no heading
  indented &amp; kept
</code></pre>
<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>
<p># not a heading</p>
<svg><title>icon</title><text>no</text></svg><img src="x.png" alt="A picture">
<!-- comment -->
</body></html>`;

describe('htmlToMarkdown', () => {
  test('keeps headings, paragraphs, lists, code and tables, and drops what is not shown', async () => {
    const { title, content } = await htmlToMarkdown(PAGE);
    expect(title).toBe('A & B page');
    expect(content).toBe(`Home X

# Big title

One paragraph with bold\u00a0text <here>.
Next line.

- first
- second

## Code

\`\`\`
# no heading
  indented & kept
\`\`\`

a | b |
1 | 2 |

\\# not a heading

A picture
`);
  });

  test.each([
    ['', undefined, ''],
    ['just text', undefined, 'just text\n'],
    ['<p>a<p>b', undefined, 'a\n\nb\n'],
    ['<title></title>x', undefined, 'x\n'],
    ['<div><span>a</span><span>b</span> <i>c</i></div>', undefined, 'ab c\n'],
    ['<pre>```\nx\n```</pre>', undefined, '````\n```\nx\n```\n````\n'],
    ['<pre>not closed', undefined, '```\nnot closed\n```\n'],
    ['<head><title>T</title><body>b</body>', 'T', 'b\n'],
    ['</div></script>x<script>y', undefined, 'x\n'],
    ['<h2></h2><p>x', undefined, 'x\n'],
  ])('reads %j', async (html, title, content) => {
    expect(await htmlToMarkdown(html)).toEqual({ title, content });
  });

  test('gives the event loop turns while it reads a large page', async () => {
    let turns = 0;
    const timer = setImmediate(function again() {
      turns += 1;
      if (turns < 1_000) setImmediate(again);
    });
    const { content } = await htmlToMarkdown('<p>word &amp; word</p>'.repeat(50_000));
    clearImmediate(timer);
    expect(turns).toBeGreaterThan(20);
    expect(content.length).toBe('word & word\n\n'.length * 50_000 - 1);
  });
});
