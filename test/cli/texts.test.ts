import { describe, expect, test } from 'bun:test';
import { createEventDescriber } from '../../src/cli/describe-event.ts';
import { displayWidth, truncate } from '../../src/cli/display-width.ts';
import { formatDuration } from '../../src/cli/format-values.ts';
import { printable } from '../../src/cli/printable.ts';
import { createMeter } from '../../src/cli/progress.ts';
import { snippetLines } from '../../src/cli/snippet.ts';
import { createStyle } from '../../src/cli/style.ts';
import { formatTable } from '../../src/cli/table.ts';
import { wrapText } from '../../src/cli/wrap-text.ts';
import type { BatchJob } from '../../src/index.ts';

const mark = (word: string): string => `[${word}]`;

describe('snippets', () => {
  test('show the lines with most words of the query, these set off in every form', () => {
    const filler = 'nothing of interest is written here at all '.repeat(8);
    const text = `${filler}Validate the body. Bodies are validated.${filler}`;
    const lines = snippetLines(text, { query: 'how do I validate a body?', columns: 44, linesMax: 2, mark });
    expect(lines).toHaveLength(2);
    expect(lines.join(' ')).toContain('[Validate] the [body]');
    expect(lines.join(' ')).toContain('[validated]');
    expect(lines[0]).toStartWith('… ');
    expect(lines[1]).toEndWith(' …');
  });

  test('leave common words alone, unless there are no others', () => {
    const show = (query: string) =>
      snippetLines('who is on first', { query, columns: 80, linesMax: 1, mark });
    expect(show('who is first')).toEqual(['who is on [first]']);
    expect(show('who is')).toEqual(['[who] [is] on first']);
  });

  test('find words of scripts without spaces, and take a query without words', () => {
    expect(snippetLines('日本語の検索です', { query: '検索', columns: 40, linesMax: 1, mark })).toEqual([
      '日本語の[検索]です',
    ]);
    expect(snippetLines('C++ (and more)', { query: '++ (', columns: 40, linesMax: 1, mark })).toEqual([
      'C++ (and more)',
    ]);
  });
});

describe('widths', () => {
  test('count what a terminal shows', () => {
    expect(displayWidth('abc')).toBe(3);
    expect(displayWidth('日本')).toBe(4);
    expect(displayWidth('e\u0301')).toBe(1);
    expect(displayWidth('👩‍👩‍👧')).toBe(2);
  });

  test('hold when text is wrapped or cut, also without spaces and without cutting characters in half', () => {
    const text = `words and ${'x'.repeat(25)} ${'語'.repeat(12)} 👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧`;
    const lines = wrapText(text, 10);
    expect(lines.every((line) => displayWidth(line) <= 10 && line.isWellFormed())).toBe(true);
    expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
    expect(truncate('日本語の検索', 6)).toBe('日本…');
    expect(wrapText('語', 1)).toEqual(['語']);
  });

  test('line up the columns of a table', () => {
    const table = formatTable(
      [
        { heading: 'NAME', align: 'left' },
        { heading: 'N', align: 'right' },
      ],
      [
        ['日本', '1'],
        ['a', '100'],
      ],
      (text) => text,
    );
    expect(table).toEqual(['NAME    N', '日本    1', 'a     100']);
  });
});

test('control characters from outside never reach a terminal', () => {
  expect(printable('a\u001b[31mb\nc\u009b2Jd\u202ee\ud800')).toBe('a [31mb c 2Jd e\ufffd');
});

test('colours are for terminals that want them', () => {
  expect(createStyle(true, {}).bold('x')).not.toBe('x');
  expect(createStyle(true, { NO_COLOR: '1' }).bold('x')).toBe('x');
  expect(createStyle(true, { TERM: 'dumb' }).mark('x')).toBe('x');
  expect(createStyle(false, {}).mark('x')).toBe('x');
});

test('durations are short at every size', () => {
  const shown = [0, 999, 3_449, 59_999, 125_000, 11_040_000, 183_600_000].map(formatDuration);
  expect(shown).toEqual(['0 ms', '999 ms', '3.4 s', '59 s', '2 min 5 s', '3 h 4 min', '2 d 3 h']);
});

describe('progress', () => {
  const address = 'site/docs';

  test('counts what was done and how fast it goes now', () => {
    const meter = createMeter(0);
    expect(meter.line(100)).toBeUndefined();
    const counts = { added: 10, changed: 5, unchanged: 5, removed: 0, chunksKept: 0, chunksAdded: 0 };
    meter.add({ type: 'documents.applied', atMs: 0, address, ...counts });
    meter.add({ type: 'texts.embedded', atMs: 0, address, texts: 100, tokensCharged: undefined });
    meter.add({ type: 'table.written', atMs: 0, address, documents: 9, rows: 40, version: 1 });
    expect(meter.line(2_000)).toEqual({
      text: '━━━━━━━━━━━━────────  60 % · 20 documents (10/s) · 100 embedded (50/s) · 40 rows written (20/s) · 2.0 s',
      counts: '20 100 40',
      isStill: false,
    });
  });

  test('shows by a bar how much of what is to be searchable is, what waited from before included', () => {
    const meter = createMeter(0);
    meter.expect(30);
    meter.add({
      type: 'documents.applied',
      atMs: 0,
      address,
      added: 10,
      changed: 0,
      unchanged: 90,
      removed: 0,
      chunksKept: 0,
      chunksAdded: 0,
    });
    expect(meter.line(1_000)?.text).toStartWith('────────────────────   0 % · 100 documents');
    meter.add({ type: 'table.written', atMs: 0, address, documents: 40, rows: 40, version: 1 });
    expect(meter.line(2_000)?.text).toStartWith('━━━━━━━━━━━━━━━━━━━━ 100 % · ');
  });

  test('tells how long the rest takes once it is known how much that is, and nothing before', () => {
    const meter = createMeter(0);
    const counts = { added: 100, changed: 0, unchanged: 0, removed: 0, chunksKept: 0, chunksAdded: 0 };
    const write = (rows: number, documents: number) =>
      meter.add({ type: 'table.written', atMs: 0, address, documents, rows, version: 1 });
    meter.add({ type: 'documents.applied', atMs: 0, address, ...counts });
    for (let second = 1; second <= 10; second += 1) {
      write(10, 1);
      expect(meter.line(second * 1_000)?.text).not.toContain('left');
    }
    // Of 90 documents and 900 rows, at ten rows a second.
    meter.aim(900);
    for (let second = 11; second <= 20; second += 1) {
      meter.line(second * 1_000 - 500);
      write(10, 1);
    }
    expect(meter.line(20_500)?.text).toMatch(/^━{4}─{16} {2}20 % · 1 min (19|20|21) s left · 100 documents/);
    // Nothing moves: nobody knows.
    for (let second = 21; second <= 60; second += 1) meter.line(second * 1_000);
    expect(meter.line(61_000)?.text).not.toContain('left');
    write(800, 80);
    expect(meter.line(62_000)?.text).not.toContain('left');
  });

  test('tells how long the rest takes by documents where no row is known to be missing', () => {
    const meter = createMeter(0);
    meter.expect(100);
    meter.aim(0);
    for (let second = 1; second <= 10; second += 1) {
      meter.add({ type: 'table.written', atMs: 0, address, documents: 5, rows: 5, version: 1 });
      meter.line(second * 1_000);
    }
    expect(meter.line(10_000)?.text).toMatch(/^━{10}─{10} {2}50 % · 10 s left · /);
  });

  test('falls to a rate of zero when nothing moves any more', () => {
    const meter = createMeter(0);
    meter.add({ type: 'texts.embedded', atMs: 0, address, texts: 100, tokensCharged: undefined });
    for (let nowMs = 1_000; nowMs < 12_000; nowMs += 1_000) meter.line(nowMs);
    expect(meter.line(12_000)).toMatchObject({ counts: '0 100 0', isStill: true });
    expect(meter.line(12_500)?.text).toContain('100 embedded (0.0/s)');
  });
});

describe('lines of serve', () => {
  const failure = {
    code: 'PROVIDER_AUTH',
    message: 'the key\nis wrong',
    retryable: false,
    retryAfterMs: undefined,
  };

  test('sum up batches when a dataset comes to rest, and say nothing about rest without work', () => {
    const describeEvent = createEventDescriber();
    const address = 'site/docs';
    const idle = { type: 'dataset.state', phase: 'idle', failure: undefined, address } as const;
    const applied = { added: 2, changed: 1, unchanged: 7, removed: 0, chunksKept: 0, chunksAdded: 0 };
    expect(describeEvent({ ...idle, atMs: 0 })).toBeUndefined();
    expect(describeEvent({ type: 'documents.applied', atMs: 1_000, address, ...applied })).toBeUndefined();
    expect(
      describeEvent({ type: 'texts.embedded', atMs: 1_500, address, texts: 4, tokensCharged: 9 }),
    ).toBeUndefined();
    expect(
      describeEvent({ type: 'table.written', atMs: 1_900, address, documents: 3, rows: 4, version: 2 }),
    ).toBeUndefined();
    expect(describeEvent({ ...idle, atMs: 2_000 })).toBe(
      'site/docs: up to date: 3 documents changed, 4 chunks embedded, 4 rows written in 1.0 s',
    );
    expect(describeEvent({ ...idle, atMs: 3_000 })).toBeUndefined();
    const job = { batchJobId: 3, status: 'processing', textCount: 9, address } as BatchJob;
    expect(describeEvent({ type: 'batch.state', atMs: 4_000, job })).toContain('batch job 3 with 9 texts');
    const removed = { type: 'documents.applied', address, ...applied, added: 0, removed: 1 } as const;
    describeEvent({ ...removed, atMs: 5_000 });
    expect(describeEvent({ ...idle, address: 'site/other', atMs: 5_000 })).toBeUndefined();
    expect(describeEvent({ ...idle, atMs: 6_000 })).toContain(
      'all done but batch job 3: 2 documents changed',
    );
    describeEvent({ type: 'batch.state', atMs: 7_000, job: { ...job, finishedAtMs: 7_000 } });
    describeEvent({ ...removed, atMs: 8_000 });
    expect(describeEvent({ ...idle, atMs: 9_000 })).toContain('up to date: 2 documents changed');
  });

  test('tell failures with their code on one line', () => {
    const describeEvent = createEventDescriber();
    expect(describeEvent({ type: 'dataset.state', atMs: 0, address: 'a/b', phase: 'parked', failure })).toBe(
      'a/b: parked: PROVIDER_AUTH: the key is wrong',
    );
  });
});
