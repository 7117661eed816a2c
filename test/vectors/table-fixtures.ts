import type { TableRow, TableRows, TableSpec } from '../../src/vectors/vector-store.ts';

/** A table of three dimensions with one field of each type. */
export const spec: TableSpec = {
  dimensions: 3,
  fields: { lang: 'string', year: 'integer', rating: 'number', draft: 'boolean', tags: 'string[]' },
};

export const noFields = { lang: null, year: null, rating: null, draft: null, tags: null };

/** A row with an ordinary value wherever none is given. */
export function row(chunkId: number, documentId: number, parts: Partial<TableRow> = {}): TableRow {
  return {
    chunkId,
    documentId,
    source: 'default',
    key: `doc-${documentId}`,
    title: `Document ${documentId}`,
    ordinal: 0,
    start: 0,
    end: 10,
    tokenCount: 5,
    embeddedText: `text of chunk ${chunkId}`,
    textStart: 0,
    metadataJson: '{}',
    fingerprint: BigInt(chunkId) * 1_000_003n,
    contentFingerprint: BigInt(documentId) * 1_000_003n,
    fields: noFields,
    ...parts,
  };
}

/** Rows with their vectors; the default vector of a row points along the first axis. */
export function rowsOf(rows: readonly TableRow[], vectors: readonly (readonly number[])[] = []): TableRows {
  return { rows, vectors: Float32Array.from(rows.flatMap((_, index) => vectors[index] ?? [1, 0, 0])) };
}

export const noRows: TableRows = { rows: [], vectors: new Float32Array(0) };
