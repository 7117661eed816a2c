import { expect, test } from 'bun:test';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { readAll, readByIds } from '../../src/sources/read-source.ts';
import type { Source, SourceId, SourceRecord } from '../../src/sources/source.ts';
import { singleKey } from '../../src/sources/source-id.ts';
import { byKey, collect, failureOf, noSignal } from './source-suite.ts';

/** A source that a user has written, well or badly. */
function sourceOf(extract: (signal: AbortSignal) => AsyncIterable<unknown>): Source {
  return {
    name: 'mine',
    kind: 'mine',
    tables: undefined,
    documentKey: (table, id) => singleKey('mine', table, id),
    extractAll: ({ signal }) => extract(signal) as AsyncIterable<SourceRecord>,
    extractByIds: (_table, _ids, { signal }) => extract(signal) as AsyncIterable<SourceRecord>,
  };
}
const options = () => ({ signal: noSignal(), clock: systemClock });
const a: SourceRecord = { document: { key: 'a', content: '1' } };

test('a source that hangs is given up, and told to stop', async () => {
  let told: AbortSignal | undefined;
  let isClosed = false;
  const source = sourceOf(async function* (signal) {
    told = signal;
    try {
      yield a;
      await new Promise(() => undefined);
    } finally {
      isClosed = true;
    }
  });
  const seen: SourceRecord[] = [];
  const read = async (): Promise<void> => {
    for await (const record of readAll(source, { ...options(), idleMsMax: 20 })) seen.push(record);
  };
  expect(await read().catch((error: unknown) => error)).toMatchObject({
    code: 'SOURCE_STALLED',
    retryable: true,
  });
  expect(seen).toEqual([a]);
  expect(told?.aborted).toBe(true);
  // Its generator waits for ever: nothing can close it.
  expect(isClosed).toBe(false);
});

test('a slow reader does not make a source a hanging one', async () => {
  const source = sourceOf(async function* () {
    yield a;
    yield { document: { key: 'b', content: '2' } };
  });
  const keys: string[] = [];
  for await (const record of readAll(source, { ...options(), idleMsMax: 5 })) {
    await new Promise((resolve) => setTimeout(resolve, 25));
    keys.push(...Object.keys(byKey([record])));
  }
  expect(keys).toEqual(['a', 'b']);
});

test('an abort ends the reading of a source that hangs and listens to nothing', async () => {
  const controller = new AbortController();
  const source = sourceOf(async function* () {
    controller.abort();
    await new Promise(() => undefined);
    yield a;
  });
  expect(await failureOf(readAll(source, { ...options(), signal: controller.signal }))).toMatchObject({
    code: 'ABORTED',
  });
});

test('what a source throws half-way is told with its name', async () => {
  const source = sourceOf(async function* () {
    yield a;
    throw new Error('the disk fell out');
  });
  const error = await failureOf(readAll(source, options()));
  expect(error).toMatchObject({ code: 'SOURCE_FAILED', details: { source: 'mine' } });
  expect(String(error)).toContain('The source "mine" failed: the disk fell out.');
});

test('a source that throws at once, or is no stream, fails as one that throws later', async () => {
  const throwing = sourceOf(() => {
    throw new TypeError('no');
  });
  const noStream = sourceOf(() => 7 as unknown as AsyncIterable<unknown>);
  for (const source of [throwing, noStream])
    expect(await failureOf(readAll(source, options()))).toMatchObject({ code: 'SOURCE_FAILED' });
});

test('garbage is refused one by one, and says that anything may be hidden by it', async () => {
  const garbage = [null, 7, 'text', {}, [], { document: {} }, { document: { key: 1 } }, { refused: {} }];
  const source = sourceOf(async function* () {
    yield* garbage;
    yield a;
  });
  const records = await collect(readAll(source, options()));
  expect(records).toHaveLength(garbage.length + 1);
  expect(records.at(-1)).toEqual(a);
  for (const record of records.slice(0, -1))
    expect(record).toMatchObject({ refused: { key: undefined, code: 'SOURCE_FAILED' } });
});

test('ids are checked before the source sees them', async () => {
  let calls = 0;
  const source = sourceOf(async function* () {
    calls += 1;
    yield a;
  });
  const wrong = [{}, 2 ** 60, ['a', 'b']] as unknown as SourceId[];
  expect(await collect(readByIds(source, 't', wrong, options()))).toHaveLength(3);
  expect(calls).toBe(0);
  expect(byKey(await collect(readByIds(source, 't', ['a', ...wrong], options())))).toMatchObject({
    a: '1',
    't/{}': 'INVALID_SOURCE_ID',
  });
});
