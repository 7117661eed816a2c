import { expect, test } from 'bun:test';
import { prepareChunks } from '../../src/chunking/prepare-chunks.ts';
import { renderEmbeddedText } from '../../src/domain/embedded-text.ts';
import { sha256, toHex } from '../../src/domain/hash.ts';
import { drive } from './chunking-support.ts';

test('adds the ordinal and the hash of the embedded text to each piece', () => {
  const content = `# A\n\n${'Words of A. '.repeat(100)}\n\n# B\n\n${'Words of B. '.repeat(100)}`;
  const document = { title: 'Title', content, format: 'markdown' } as const;
  const { result: chunks } = drive(prepareChunks(document, { tokensPerChunkMax: 128 }));
  expect(chunks.length).toBeGreaterThan(4);
  for (const [index, { ordinal, textHash, context, start, end }] of chunks.entries()) {
    expect(ordinal).toBe(index);
    expect(toHex(textHash)).toBe(toHex(sha256(renderEmbeddedText(context, content.slice(start, end)))));
  }
});

test('yields while it hashes', () => {
  const document = { title: '', content: 'Some words. '.repeat(100_000), format: 'text' } as const;
  const { yields } = drive(prepareChunks(document, { tokensPerChunkMax: 512 }));
  expect(yields).toBeGreaterThan(150);
});
