import { expect, test } from 'bun:test';
import { createInFlightTexts } from '../../src/pipeline/in-flight-texts.ts';

test('a text belongs to the first who claims it, until it is released', async () => {
  const texts = createInFlightTexts();
  expect(texts.claim(1, 'aa')).toBeUndefined();
  const others = [texts.claim(1, 'aa'), texts.claim(1, 'aa')];
  expect(others.every((other) => other instanceof Promise)).toBe(true);
  texts.release(1, 'aa');
  await Promise.all(others);
  expect(texts.claim(1, 'aa')).toBeUndefined();
});

test('the same text under another profile is another text', () => {
  const texts = createInFlightTexts();
  expect(texts.claim(1, 'aa')).toBeUndefined();
  expect(texts.claim(2, 'aa')).toBeUndefined();
  expect(texts.claim(1, 'bb')).toBeUndefined();
});

test('releasing what nobody claimed does nothing', () => {
  const texts = createInFlightTexts();
  texts.release(1, 'aa');
  expect(texts.claim(1, 'aa')).toBeUndefined();
});
