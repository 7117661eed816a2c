import { expect, test } from 'bun:test';
import { sha256 } from '../../src/domain/hash.ts';
import { createAccounts } from '../../src/pipeline/accounts.ts';

const PROFILE = 1;
const hashes = (...texts: string[]) => texts.map((text) => sha256(text));
const chunks = (...texts: string[]) =>
  texts.map((text) => ({ textHash: sha256(text), tokenCount: text.length }));
const price = { profileId: PROFILE, usdPerMillionTokens: 2 };

test('a text counts for whoever brought it first, and once', () => {
  const accounts = createAccounts();
  const one = accounts.open({});
  const two = accounts.open({});
  expect(accounts.claim(one, PROFILE, { kept: [], added: hashes('a', 'b', 'a') })).toEqual({
    kept: 0,
    added: 2,
  });
  expect(accounts.claim(two, PROFILE, { kept: [], added: hashes('b', 'c') })).toEqual({ kept: 0, added: 1 });
  accounts.noteEmbedded({ ...price, chunks: chunks('a', 'b', 'c'), tokensCharged: 30 });
  accounts.noteEmbedded({ ...price, chunks: chunks('a'), tokensCharged: 10 });
  expect(one.counts).toMatchObject({ embeddedCount: 2, tokensCharged: 20 });
  expect(two.counts).toMatchObject({ embeddedCount: 1, tokensCharged: 10 });
  expect(one.counts.costUsd).toBeCloseTo(0.00004, 12);
});

test('tokens of a shared request are whole and add up, in proportion to the texts', () => {
  const accounts = createAccounts();
  const open = ['x', 'yy', 'zzzz'].map((text) => {
    const account = accounts.open({});
    accounts.claim(account, PROFILE, { kept: [], added: hashes(text) });
    return account;
  });
  accounts.noteEmbedded({ ...price, chunks: chunks('x', 'yy', 'zzzz'), tokensCharged: 11 });
  expect(open.map(({ counts }) => counts.tokensCharged)).toEqual([2, 3, 6]);
});

test('what nobody has claimed counts for the one that does everything that waits, as long as it does', () => {
  const accounts = createAccounts();
  const ingest = accounts.open({ isRead: false });
  const run = accounts.open({ takesRest: true });
  accounts.claim(ingest, PROFILE, { kept: [], added: hashes('mine') });
  accounts.noteEmbedded({ ...price, chunks: chunks('mine', 'old'), tokensCharged: 7 });
  expect(run.counts).toMatchObject({ embeddedCount: 1, tokensCharged: 3 });
  accounts.close(run, { endedWell: true });
  accounts.noteEmbedded({ ...price, chunks: chunks('older'), tokensCharged: 7 });
  expect(run.counts).toMatchObject({ embeddedCount: 1, tokensCharged: 3 });
});

test('a new text that another dataset had embedded meanwhile was reused, unless the call failed', () => {
  const accounts = createAccounts();
  const [well, badly] = [true, false].map((endedWell) => {
    const account = accounts.open({});
    accounts.claim(account, PROFILE, { kept: hashes('kept'), added: hashes('one', 'two') });
    accounts.noteGivenUp(PROFILE, sha256('two'));
    accounts.close(account, { endedWell });
    return account;
  });
  expect(well?.counts).toMatchObject({ reusedCount: 1, givenUpCount: 1, embeddedCount: 0 });
  expect(badly?.counts).toMatchObject({ reusedCount: 0, givenUpCount: 1 });
});

test('tokens without a price leave the cost unknown', () => {
  const accounts = createAccounts();
  const account = accounts.open({ takesRest: true });
  accounts.noteEmbedded({ ...price, chunks: chunks('a'), tokensCharged: 5, usdPerMillionTokens: undefined });
  expect(account).toMatchObject({ isPriced: false, counts: { tokensCharged: 5, costUsd: 0 } });
});

test('a text that went to a batch job is neither embedded nor reused by the call that brought it', () => {
  const accounts = createAccounts();
  const index = accounts.open({ takesRest: true });
  accounts.claim(index, PROFILE, { kept: [], added: hashes('a', 'b') });
  accounts.noteBatched(PROFILE, hashes('a'));
  accounts.close(index, { endedWell: true });
  expect(index.counts).toMatchObject({ embeddedCount: 0, reusedCount: 1 });
});
