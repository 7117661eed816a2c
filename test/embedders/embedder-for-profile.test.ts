import { describe, expect, test } from 'bun:test';
import { embedderForProfile } from '../../src/embedders/embedder-for-profile.ts';
import { createLocalEmbedder } from '../../src/embedders/local-embedder.ts';
import { createOpenAiEmbedder } from '../../src/embedders/openai-embedder.ts';

const chosen = createOpenAiEmbedder({
  model: 'nomic',
  dimensions: 768,
  baseUrl: 'http://localhost:11434/v1',
});
const stored = { provider: 'localhost:11434', model: 'nomic', dimensions: 768, templateVersion: 1 };

describe('the embedder for a stored profile', () => {
  test('is the chosen one when provider, model and dimensions agree', () => {
    expect(embedderForProfile(stored, [chosen])).toBe(chosen);
    const local = createLocalEmbedder();
    const profile = { provider: 'local', model: local.model, dimensions: 384, templateVersion: 1 };
    expect(embedderForProfile(profile, [local])).toBe(local);
  });

  test('is a local one of the stored length when the profile is local', async () => {
    const profile = { provider: 'local', model: 'hashed-ngrams-v1', dimensions: 64, templateVersion: 1 };
    for (const other of [chosen, createLocalEmbedder()]) {
      const embedder = embedderForProfile(profile, [other]);
      expect((await embedder.embed(['text'], { purpose: 'query' })).vectors[0]).toHaveLength(64);
    }
  });

  test('is another one that was given, or one for another model of the same provider', () => {
    const second = createOpenAiEmbedder({ model: 'm', dimensions: 3, baseUrl: 'http://localhost:1/v1' });
    const ofSecond = { ...stored, provider: 'localhost:1', model: 'm', dimensions: 3 };
    expect(embedderForProfile(ofSecond, [chosen, second])).toBe(second);
    const sibling = embedderForProfile({ ...ofSecond, model: 'n', dimensions: 4 }, [chosen, second]);
    expect(sibling).toMatchObject({ provider: 'localhost:1', model: 'n', dimensions: 4 });
  });

  const different = [
    ['provider', { ...stored, provider: 'openai' }],
    ['length', { ...stored, dimensions: 512 }],
    ['local model of another version', { ...stored, provider: 'local', model: 'hashed-ngrams-v0' }],
  ] as const;
  for (const [what, profile] of different) {
    test(`is refused for another ${what}, naming both sides and the remedy`, () => {
      expect(() => embedderForProfile(profile, [chosen])).toThrow(
        expect.objectContaining({
          code: 'PROFILE_MISMATCH',
          message: expect.stringMatching(
            new RegExp(
              `${profile.model} \\(${profile.dimensions} .* localhost:11434 nomic .*Configure the embedder`,
            ),
          ),
        }),
      );
    });
  }
});
