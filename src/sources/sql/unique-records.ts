import type { SourceRecord } from '../source.ts';
import type { SqlRow } from './cells.ts';
import type { RowReader } from './row-reader.ts';

/**
 * The records of rows that come in the order of their keys. Of rows with one key none is taken, as nobody knows which is meant; each
 * is refused.
 */
export async function* uniqueRecords(
  reader: RowReader,
  pages: AsyncIterable<readonly SqlRow[]> | Iterable<readonly SqlRow[]>,
): AsyncGenerator<SourceRecord> {
  let last: { readonly key: string; readonly row: SqlRow; isTwice: boolean } | undefined;
  for await (const rows of pages) {
    for (const row of rows) {
      const named = reader.keyOf(row);
      if ('refused' in named) {
        yield named;
        continue;
      }
      if (last?.key === named.key) {
        if (!last.isTwice) yield duplicate(reader, last.key);
        last.isTwice = true;
        yield duplicate(reader, last.key);
        continue;
      }
      if (last !== undefined && !last.isTwice) yield reader.read(last.row);
      last = { key: named.key, row, isTwice: false };
    }
  }
  if (last !== undefined && !last.isTwice) yield reader.read(last.row);
}

function duplicate({ table, keyColumns }: RowReader, key: string): SourceRecord {
  return {
    refused: {
      key,
      code: 'DUPLICATE_KEY',
      message: `Several rows of "${table.name}" have the key "${key}" (${keyColumns.join(', ')}); none is taken. Name columns that tell rows apart.`,
    },
  };
}
