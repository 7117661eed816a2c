import { describe, expect, test } from 'bun:test';
import { createHash } from 'node:crypto';
import { createLocalEmbedder } from '../../src/embedders/local-embedder.ts';
import { rejectionOf } from '../support/test-runtime.ts';

const embedder = createLocalEmbedder();

async function embed(...texts: string[]): Promise<readonly Float32Array[]> {
  return (await embedder.embed(texts, { purpose: 'document' })).vectors;
}

async function similarity(a: string, b: string): Promise<number> {
  const [x, y] = await embed(a, b);
  return (x as Float32Array).reduce((sum, value, at) => sum + value * ((y as Float32Array)[at] ?? 0), 0);
}

/** Every UTF-16 code unit there is, alone and run together. */
function everyCodeUnit(separator: string): string {
  return Array.from({ length: 0x10000 }, (_, unit) => String.fromCharCode(unit)).join(separator);
}

describe('the local embedder', () => {
  test('makes the same bytes on every platform and in every engine', async () => {
    const hash = createHash('sha256');
    const texts = [
      everyCodeUnit(''),
      everyCodeUnit(' '),
      everyCodeUnit('a'),
      'How do I limit the body? bodyLimit()',
    ];
    for (const vector of await embed(...texts)) hash.update(vector);
    // Vectors in catalogs depend on these bytes: another digest needs another model name.
    expect(hash.digest('hex')).toBe('18cfe5e5f5b4fc2f94318298b9b37a27a6ff8e1beeb4e1836f444789e49aaafb');
  });

  test('makes vectors of length one', async () => {
    for (const vector of await embed('one', 'two words', '?', '\n', everyCodeUnit(' '))) {
      expect(vector.reduce((sum, value) => sum + value * value, 0)).toBeCloseTo(1, 5);
    }
  });

  test('ignores case, accents and punctuation', async () => {
    expect(await similarity('Crème Brûlée, SVP!', 'creme brulee svp')).toBeCloseTo(1, 5);
    expect(await similarity('ΟΔΟΣ Ёлка Łódź', 'οδοσ елка lodz')).toBeCloseTo(1, 5);
    expect(await similarity('ＡＢＣ１２３', 'abc123')).toBeCloseTo(1, 5);
    // The same accented letter, composed and decomposed.
    expect(await similarity('caf\u00e9', 'cafe\u0301')).toBeCloseTo(1, 5);
  });

  test('matches inflections and typos, and keeps unrelated words apart', async () => {
    const unrelated = Math.abs(await similarity('installing', 'weather'));
    expect(await similarity('installing', 'installation')).toBeGreaterThan(unrelated + 0.25);
    expect(await similarity('authentication', 'authentification')).toBeGreaterThan(unrelated + 0.25);
  });

  test('finds words that code has joined by capitals', async () => {
    const joined = await similarity('bodyLimit', 'body limit');
    expect(joined).toBeGreaterThan((await similarity('bodylimit', 'body limit')) + 0.1);
  });

  test('hears content words over stop words', async () => {
    const shared = await similarity('how do we use the lease', 'lease');
    expect(shared).toBeGreaterThan(0.9);
    expect(await similarity('how do we use the lease', 'how do we use the vector')).toBeLessThan(0.5);
  });

  test('compares scripts that are written without spaces by short runs of characters', async () => {
    expect(await similarity('東京の天気', '今日の東京の天気は晴れです')).toBeGreaterThan(0.5);
    expect(Math.abs(await similarity('東京の天気', '数学の教科書'))).toBeLessThan(0.35);
    expect(await similarity('ภาษาไทย', 'ฉันเรียนภาษาไทย')).toBeGreaterThan(0.4);
    expect(await similarity('데이터베이스', '데이터베이스를 만든다')).toBeGreaterThan(0.5);
  });

  test('lets a repeated word weigh more, but with less and less effect', async () => {
    const once = await similarity('lease', 'lease catalog vector table');
    const often = await similarity('lease', `${'lease '.repeat(100)} catalog vector table`);
    expect(often).toBeGreaterThan(once);
    expect(often).toBeLessThan(0.95);
  });

  test('takes hostile texts in bounded memory: no spaces, all different words, one long text', async () => {
    const different = Array.from({ length: 20_000 }, (_, at) => `w${at}x`).join(' ');
    const vectors = await embed('a'.repeat(100_000), different, '漢'.repeat(50_000), '\u0301'.repeat(1000));
    expect(vectors).toHaveLength(4);
  });

  test('lets others have their turn during one long text', async () => {
    const text = 'The quick brown fox jumps over the lazy dog. '.repeat(50_000);
    let turns = 0;
    let done = false;
    const count = (): void => {
      turns += 1;
      if (!done) setImmediate(count);
    };
    setImmediate(count);
    await embed(text);
    done = true;
    expect(turns).toBeGreaterThan(2);
  });

  test('stops in the middle of a long text when it is aborted', async () => {
    const abort = new AbortController();
    const text = 'The quick brown fox jumps over the lazy dog. '.repeat(50_000);
    setImmediate(() => abort.abort());
    const call = embedder.embed([text], { purpose: 'document', signal: abort.signal });
    expect(await rejectionOf(call)).toMatchObject({ code: 'ABORTED' });
    const [after] = await embed('still well');
    expect(after).toEqual(
      (await createLocalEmbedder().embed(['still well'], { purpose: 'query' })).vectors[0],
    );
  });

  test('makes vectors of any length from 1 to 8,192 and refuses others', async () => {
    for (const dimensions of [1, 2, 100, 8192]) {
      const { vectors } = await createLocalEmbedder({ dimensions }).embed(['a word'], { purpose: 'query' });
      expect(vectors[0]).toHaveLength(dimensions);
    }
    for (const dimensions of [0, -1, 1.5, 8193, Number.NaN]) {
      expect(() => createLocalEmbedder({ dimensions })).toThrow(/use a whole number from 1 to 8192/);
    }
  });
});
