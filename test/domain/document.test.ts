import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { type DocumentInput, describeKey, prepareDocument } from '../../src/domain/document.ts';
import { toHex } from '../../src/domain/hash.ts';
import { canonicalMetadata, type Metadata } from '../../src/domain/metadata.ts';

const RULES = { fields: {}, contentLengthMax: 1_000 };
const prepare = (input: Partial<DocumentInput>) =>
  prepareDocument({ key: 'key', content: 'content', ...input }, RULES);
const hashes = (input: Partial<DocumentInput>) => {
  const { contentHash, metadataHash } = prepare(input);
  return [toHex(contentHash), toHex(metadataHash)];
};

describe('prepareDocument', () => {
  test('fills in what is left out', () => {
    expect(prepare({})).toMatchObject({
      source: 'default',
      key: 'key',
      title: '',
      format: 'markdown',
      metadataJson: '{}',
    });
  });

  test('content, title and format decide about the content hash, metadata about its own alone', () => {
    const [content, metadata] = hashes({});
    for (const change of [{ content: 'other' }, { title: 'title' }, { format: 'text' }] as const) {
      expect(hashes(change)[0]).not.toBe(content);
      expect(hashes(change)[1]).toBe(metadata);
    }
    expect(hashes({ metadata: { a: 1 } })[0]).toBe(content);
    expect(hashes({ metadata: { a: 1 } })[1]).not.toBe(metadata);
    expect(hashes({ title: 'a', content: 'b' })[0]).not.toBe(hashes({ title: '', content: 'ab' })[0]);
  });

  test('lone surrogates become U+FFFD, so that lengths and offsets stay', () => {
    expect(prepare({ content: 'a\ud800b', title: '\udc00' })).toMatchObject({
      content: 'a\ufffdb',
      title: '\ufffd',
    });
  });

  test('names what is wrong with a document', () => {
    const codes: [Partial<DocumentInput>, string][] = [
      [{ key: '' }, 'INVALID_DOCUMENT'],
      [{ key: 'k'.repeat(1_025) }, 'INVALID_DOCUMENT'],
      [{ key: 'a\0b' }, 'INVALID_DOCUMENT'],
      [{ source: 's'.repeat(256) }, 'INVALID_DOCUMENT'],
      [{ title: 't'.repeat(4_097) }, 'INVALID_DOCUMENT'],
      [{ content: 'zero\0' }, 'INVALID_DOCUMENT'],
      [{ content: 'x'.repeat(1_001) }, 'DOCUMENT_TOO_LARGE'],
      [{ metadata: { when: new Date() } as unknown as Metadata }, 'INVALID_METADATA'],
    ];
    for (const [input, code] of codes)
      expect(() => prepare(input)).toThrow(expect.objectContaining({ code }));
  });

  test('a source other than the default is told with the key', () => {
    expect(describeKey({ source: 'default', key: 'a' })).toBe('a');
    expect(describeKey({ source: 'wiki', key: 'a' })).toBe('wiki:a');
  });
});

describe('canonicalMetadata', () => {
  test('the order of keys does not matter at any depth, every value does', () => {
    expect(canonicalMetadata({ b: 1, a: { d: [1, 2], c: null } })).toBe('{"a":{"c":null,"d":[1,2]},"b":1}');
    expect(canonicalMetadata({ loc: { page: 1 } })).not.toBe(canonicalMetadata({ loc: { page: 2 } }));
  });

  test('is the same JSON value as what was given, and its own canonical form', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 5 })), (metadata) => {
        const given = JSON.parse(JSON.stringify(metadata).replaceAll('\\u0000', '')) as Metadata;
        const text = canonicalMetadata(given);
        expect(canonicalMetadata(JSON.parse(text) as Metadata)).toBe(text);
      }),
    );
  });

  test('refuses what JSON cannot hold, and endless nesting, by its path', () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    for (const value of [
      Number.NaN,
      Number.POSITIVE_INFINITY,
      undefined,
      () => 1,
      Symbol('s'),
      1n,
      'a\0b',
      cycle,
    ]) {
      expect(() => canonicalMetadata({ a: { b: value } } as unknown as Metadata)).toThrow(
        expect.objectContaining({ code: 'INVALID_METADATA' }),
      );
    }
  });
});
