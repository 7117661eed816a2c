import { describe, expect, test } from 'bun:test';
import { writeFileSync } from 'node:fs';
import { jsonlSource } from '../../src/sources/jsonl/jsonl-definition.ts';
import { openSource } from '../../src/sources/open-source.ts';
import { parseSourceDefinition } from '../../src/sources/source-definition.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { byKey, collect, describeSource, failureOf, noSignal } from './source-suite.ts';

describeSource('A file of JSON Lines', async () => {
  const dir = makeTempDir();
  const path = dir.join('documents.jsonl');
  writeFileSync(path, '');
  return {
    source: openSource(jsonlSource({ name: 'export', path }), { environment: {} }),
    table: 'lines',
    id: (at) => `line-${at}`,
    async fill(records) {
      const lines = records.map(({ at, text }) => JSON.stringify({ key: `line-${at}`, content: text }));
      writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
    },
    async close() {
      dir.remove();
    },
  };
});

describe('A file of JSON Lines', () => {
  const open = (content: string | Uint8Array) => {
    const dir = makeTempDir();
    writeFileSync(dir.join('d.jsonl'), content);
    const definition = jsonlSource({ name: 'export', path: 'd.jsonl' });
    const source = openSource(definition, { environment: {}, cwd: dir.path });
    return { source, [Symbol.dispose]: dir.remove };
  };

  test('that is missing is an error, not an empty source', async () => {
    const source = openSource(jsonlSource({ name: 'export', path: 'none.jsonl' }), { environment: {} });
    const error = await failureOf(source.extractAll({ signal: noSignal() }));
    expect(error).toMatchObject({ code: 'SOURCE_UNREADABLE' });
    expect(String(error)).toContain(
      'The source "export" cannot be read: "none.jsonl": there is no such file',
    );
  });

  test('that is UTF-16 is an error', async () => {
    using file = open(Buffer.from('\ufeff{"key":"a","content":"x"}\n', 'utf16le'));
    expect(await failureOf(file.source.extractAll({ signal: noSignal() }))).toMatchObject({
      code: 'SOURCE_UNREADABLE',
    });
  });

  test('gives the lines that are sound, refuses the others, and belongs to its source', async () => {
    using file = open(
      '{"key":"a","content":"1","source":"elsewhere"}\n\nno json\n{"key":"a","content":"2"}\n{"key":7,"content":"x"}\n{"key":"b","content":"3","metadata":{"n":1}}',
    );
    const records = await collect(file.source.extractAll({ signal: noSignal() }));
    expect(records.map((record) => ('document' in record ? record.document : record.refused.code))).toEqual([
      { key: 'a', content: '1' },
      'INVALID_DOCUMENT',
      'DUPLICATE_KEY',
      'INVALID_DOCUMENT',
      { key: 'b', content: '3', metadata: { n: 1 } },
    ]);
    expect(byKey(records)).toMatchObject({ a: 'DUPLICATE_KEY', undefined: 'INVALID_DOCUMENT' });
  });

  test('is declared with a name and a path, and nothing else that nobody knows', () => {
    const definition = jsonlSource({ name: 'export', path: 'd.jsonl', lineBytesMax: 1_000 });
    expect(parseSourceDefinition(JSON.parse(JSON.stringify(definition)))).toEqual(definition);
    const wrong: [unknown, RegExp][] = [
      [undefined, /needs a name/],
      [{ kind: 'jsonl', path: 'x' }, /needs a name/],
      [{ kind: 'jsonl', name: 'default', path: 'x' }, /not "default"/],
      [{ kind: 'xml', name: 'a' }, /The source "a" has a field "kind" that must be /],
      [{ kind: 'jsonl', name: 'a' }, /"path" that is missing; there are kind, name\./],
      [{ kind: 'jsonl', name: 'a', pth: 'x' }, /"path" that is missing; "pth" may have been meant for it\./],
      [{ kind: 'jsonl', name: 'a', path: 7 }, /"path" that must be text/],
      [{ kind: 'jsonl', name: 'a', path: 'x', lineBytesMax: 0 }, /whole number from 1/],
      [{ kind: 'jsonl', name: 'a', path: 'x', paht: 1 }, /unknown field "paht"; there are name, kind, path/],
    ];
    for (const [value, message] of wrong) expect(() => parseSourceDefinition(value)).toThrow(message);
  });
});
