import { expect, test } from 'bun:test';
import { createInFlightTexts } from '../../src/pipeline/in-flight-texts.ts';

test('a text belongs to the first who claims it, until it is released', async () => {
  const texts = createInFlightTexts();
  expect(texts.look().claim(1, 'aa')).toBeUndefined();
  const others = [texts.look().claim(1, 'aa'), texts.look().claim(1, 'aa')];
  expect(others.every((other) => other instanceof Promise)).toBe(true);
  texts.release(1, 'aa');
  await Promise.all(others);
  expect(texts.look().claim(1, 'aa')).toBeUndefined();
});

test('the same text under another profile is another text', () => {
  const texts = createInFlightTexts();
  expect(texts.look().claim(1, 'aa')).toBeUndefined();
  expect(texts.look().claim(2, 'aa')).toBeUndefined();
  expect(texts.look().claim(1, 'bb')).toBeUndefined();
});

test('releasing what nobody claimed does nothing', () => {
  const texts = createInFlightTexts();
  texts.release(1, 'aa');
  expect(texts.look().claim(1, 'aa')).toBeUndefined();
});

test('who asked for pending texts before one was released looks again instead of claiming it', async () => {
  const texts = createInFlightTexts();
  const early = texts.look();
  expect(texts.look().claim(1, 'aa')).toBeUndefined();
  texts.release(1, 'aa');
  await early.claim(1, 'aa');
  expect(early.claim(1, 'aa')).toBeInstanceOf(Promise);
  early.end();
  expect(texts.look().claim(1, 'aa')).toBeUndefined();
});
