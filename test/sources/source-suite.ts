import { afterEach, beforeEach, describe, expect, test } from 'bun:test';
import { systemClock } from '../../src/runtime/system-clock.ts';
import { readAll, readByIds } from '../../src/sources/read-source.ts';
import type { Source, SourceId, SourceRecord } from '../../src/sources/source.ts';

/** A source with records that a test can change behind its back. */
export interface SourceFixture {
  readonly source: Source;
  /** A table of the source whose records are put and removed. */
  readonly table: string;
  /** The id of the nth record, and its text as documents hold it. */
  id(at: number): SourceId;
  /** Makes these the only records of the table. */
  fill(records: readonly { readonly at: number; readonly text: string }[]): Promise<void>;
  close(): Promise<void>;
}

/** Everything that an iteration gives. */
export async function collect(records: AsyncIterable<SourceRecord>): Promise<SourceRecord[]> {
  const collected: SourceRecord[] = [];
  for await (const record of records) collected.push(record);
  return collected;
}

/** The contents by key; a refused record as its code. */
export function byKey(records: readonly SourceRecord[]): Record<string, string> {
  return Object.fromEntries(
    records.map((record) =>
      'document' in record
        ? [record.document.key, record.document.content.trim()]
        : [String(record.refused.key), record.refused.code],
    ),
  );
}

/** A signal that nothing aborts. */
export function noSignal(): AbortSignal {
  return new AbortController().signal;
}

/** The error that reading ends with. */
export async function failureOf(records: AsyncIterable<SourceRecord>): Promise<unknown> {
  try {
    await collect(records);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** An iteration that is made when it is first asked for something. */
async function* deferred(extract: () => AsyncIterable<SourceRecord>): AsyncGenerator<SourceRecord> {
  yield* extract();
}

/** What every {@link Source} has to do. */
export function describeSource(name: string, make: () => Promise<SourceFixture>): void {
  let fixture: SourceFixture;
  const options = () => ({ signal: noSignal(), clock: systemClock });
  const numbered = (count: number) => Array.from({ length: count }, (_, at) => ({ at, text: `text ${at}` }));
  const keyOf = (at: number) => fixture.source.documentKey(fixture.table, fixture.id(at));
  const expected = (count: number) =>
    Object.fromEntries(numbered(count).map(({ at, text }) => [keyOf(at), text]));

  describe(`${name} as a source`, () => {
    beforeEach(async () => {
      fixture = await make();
    });
    afterEach(async () => {
      await fixture.source.close?.();
      await fixture.close();
    });

    test('says who it is', () => {
      expect(fixture.source.name).toMatch(/^[\w.-]+$/);
      expect(fixture.source.kind).toMatch(/^[\w.-]+$/);
      expect(fixture.source.tables ?? [fixture.table]).toContain(fixture.table);
    });

    test('gives nothing when there is nothing', async () => {
      await fixture.fill([]);
      expect(await collect(readAll(fixture.source, options()))).toEqual([]);
    });

    test('gives every record once, under the key that its id has', async () => {
      await fixture.fill(numbered(1_203));
      const records = await collect(readAll(fixture.source, options()));
      expect(records).toHaveLength(1_203);
      expect(byKey(records)).toEqual(expected(1_203));
    });

    test('gives the records with some ids, and nothing for those that are not there', async () => {
      await fixture.fill(numbered(5));
      const ids = [3, 1, 99].map((at) => fixture.id(at));
      const records = await collect(readByIds(fixture.source, fixture.table, ids, options()));
      expect(byKey(records)).toEqual({ [keyOf(1)]: 'text 1', [keyOf(3)]: 'text 3' });
      expect(records).toHaveLength(2);
      expect(await collect(readByIds(fixture.source, fixture.table, [], options()))).toEqual([]);
    });

    test('gives a record once whose id was given twice', async () => {
      await fixture.fill(numbered(2));
      const ids = [fixture.id(1), fixture.id(1)];
      expect(await collect(readByIds(fixture.source, fixture.table, ids, options()))).toHaveLength(1);
    });

    test('shows changes and deletions to the next extraction', async () => {
      await fixture.fill(numbered(3));
      await collect(readAll(fixture.source, options()));
      await fixture.fill([
        { at: 0, text: 'text 0' },
        { at: 2, text: 'changed' },
      ]);
      const all = await collect(readAll(fixture.source, options()));
      expect(byKey(all)).toEqual({ [keyOf(0)]: 'text 0', [keyOf(2)]: 'changed' });
      const ids = [1, 2].map((at) => fixture.id(at));
      const some = await collect(readByIds(fixture.source, fixture.table, ids, options()));
      expect(byKey(some)).toEqual({ [keyOf(2)]: 'changed' });
    });

    test('reads 100,000 ids in one call', async () => {
      await fixture.fill(numbered(700));
      const ids = Array.from({ length: 100_000 }, (_, at) => fixture.id(at));
      const records = await collect(readByIds(fixture.source, fixture.table, ids, options()));
      expect(records).toHaveLength(700);
      expect(byKey(records)).toEqual(expected(700));
    }, 120_000);

    test('refuses ids that are none one by one', async () => {
      await fixture.fill(numbered(2));
      const wrong = [null, undefined, {}, Number.NaN, '', [], true] as unknown as SourceId[];
      const ids = [...wrong, fixture.id(1)];
      const records = await collect(readByIds(fixture.source, fixture.table, ids, options()));
      const documents = records.filter((record) => 'document' in record);
      expect(byKey(documents)).toEqual({ [keyOf(1)]: 'text 1' });
      const refused = records.flatMap((record) => ('refused' in record ? [record.refused.code] : []));
      expect(refused).toEqual(wrong.map(() => 'INVALID_SOURCE_ID'));
    });

    test('refuses a table that it does not have', async () => {
      if (fixture.source.tables === undefined) return;
      const table = `no'such"table`;
      const ids = [fixture.id(1)];
      for (const extract of [
        () => fixture.source.extractByIds(table, ids, options()),
        () => readByIds(fixture.source, table, ids, options()),
      ]) {
        const error = await failureOf(deferred(extract));
        expect(error).toMatchObject({ code: 'INVALID_SOURCE' });
        expect(String(error)).toContain(fixture.table);
      }
    });

    test('ends in the middle when it is aborted, and can be read again', async () => {
      await fixture.fill(numbered(1_203));
      const controller = new AbortController();
      const read = async (): Promise<void> => {
        for await (const _ of readAll(fixture.source, { ...options(), signal: controller.signal })) {
          controller.abort();
        }
      };
      const error = await read().catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: 'ABORTED' });
      expect(await collect(readAll(fixture.source, options()))).toHaveLength(1_203);
    });

    test('ends by itself, without its guard, when its signal is aborted', async () => {
      await fixture.fill(numbered(1_203));
      const controller = new AbortController();
      const read = async (): Promise<void> => {
        for await (const _ of fixture.source.extractAll({ signal: controller.signal })) controller.abort();
      };
      const error = await read().catch((cause: unknown) => cause);
      expect(error).toMatchObject({ code: 'ABORTED' });
    });

    test('lets go when the reader stops early', async () => {
      await fixture.fill(numbered(1_203));
      for await (const _ of readAll(fixture.source, options())) break;
      for await (const _ of fixture.source.extractAll({ signal: noSignal() })) break;
      await fixture.fill(numbered(2));
      expect(await collect(readAll(fixture.source, options()))).toHaveLength(2);
    });

    test('can be read several times at once', async () => {
      await fixture.fill(numbered(40));
      const reads = Array.from({ length: 4 }, () => collect(readAll(fixture.source, options())));
      for (const records of await Promise.all(reads)) expect(byKey(records)).toEqual(expected(40));
    });

    test('can be closed at any time, twice, and opens again', async () => {
      await fixture.source.close?.();
      await fixture.fill(numbered(2));
      await collect(readAll(fixture.source, options()));
      await fixture.source.close?.();
      await fixture.source.close?.();
      expect(await collect(readAll(fixture.source, options()))).toHaveLength(2);
    });
  });
}
