import type { Source, SourceDocument, SourceRecord } from '../../src/index.ts';

/** A source whose records the test holds. */
export interface MemorySource extends Source {
  /** Content by key, in the order in which it is given; keys are `table/id`. */
  readonly rows: Map<string, string>;
  /** Called before each record is given, with how many were; may throw, wait, or change rows. */
  beforeRecord: (count: number) => Promise<void> | void;
  /** What is given besides, at the end: garbage, refusals. */
  readonly extra: unknown[];
  /** Ids that were asked for, one list for each time. */
  readonly asked: (readonly unknown[])[];
  /** Since when changes were asked for, for each full reading. */
  readonly since: (number | undefined)[];
  closedCount: number;
}

export function createMemorySource(
  name: string,
  rows: Readonly<Record<string, string>> = {},
  {
    tables = ['rows'],
    takesAnyTable = false,
    knowsChanges = false,
  }: { tables?: readonly string[]; takesAnyTable?: boolean; knowsChanges?: boolean } = {},
): MemorySource {
  const documentOf = (key: string, content: string): SourceDocument => ({ key, content });
  async function* give(keys: Iterable<string>): AsyncGenerator<SourceRecord> {
    let count = 0;
    for (const key of keys) {
      await source.beforeRecord(count);
      const content = source.rows.get(key);
      count += 1;
      if (content !== undefined) yield { document: documentOf(key, content) };
    }
    await source.beforeRecord(count);
    for (const extra of source.extra) yield extra as SourceRecord;
  }
  const source: MemorySource = {
    name,
    kind: 'memory',
    tables: takesAnyTable ? undefined : tables,
    knowsChanges,
    rows: new Map(Object.entries(rows)),
    beforeRecord: () => undefined,
    extra: [],
    asked: [],
    since: [],
    closedCount: 0,
    documentKey: (table, id) => `${table}/${String(id)}`,
    extractAll({ since }) {
      source.since.push(since);
      return give([...source.rows.keys()]);
    },
    extractByIds(table, ids) {
      source.asked.push(ids);
      return give(ids.map((id) => `${table}/${String(id)}`));
    },
    async close() {
      source.closedCount += 1;
    },
  };
  return source;
}

/** `count` rows `table/1`, `table/2`, … each with a text of its own. */
export function numberedRows(count: number, table = 'rows', word = 'text'): Record<string, string> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `${table}/${index + 1}`,
      `The ${word} of row ${index + 1}.`,
    ]),
  );
}
