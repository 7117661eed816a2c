import { expect, test } from 'bun:test';
import { connect, type Table } from '@lancedb/lancedb';
import type { ImportedRow } from '../../src/index.ts';
import { standInVector } from '../support/embedding-answer.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { rejectionOf, startTestRuntime, TEST_DIMENSIONS } from '../support/test-runtime.ts';

const LONG = Array.from(
  { length: 40 },
  (_, number) => `Sentence ${number} of more than a chunk holds. `,
).join('');

/** Somebody's own table: texts with their vectors, and no hash of anything. */
async function makeOwnTable(folder: string): Promise<Table> {
  const rows = Array.from({ length: 1_200 }, (_, number) => {
    const text = number === 7 ? LONG : ` Words of record ${number}.\n`;
    return { id: number, text, vector: [...standInVector(text, TEST_DIMENSIONS)], topic: `t${number % 3}` };
  });
  return (await connect(folder)).createTable('mine', rows);
}

async function* rowsOf(table: Table): AsyncGenerator<ImportedRow> {
  for await (const batch of table.query().select(['id', 'text', 'vector', 'topic'])) {
    for (const row of batch) {
      const { id, text, vector, topic } = row.toJSON();
      yield { key: String(id), text, vector: Float32Array.from(vector), metadata: { topic } };
    }
  }
}

test('a table of one’s own is taken over in batches, with a hash for each text and no request for those that fit', async () => {
  const { runtime, provider } = await startTestRuntime({ tokensPerChunkMax: 64 });
  const folder = makeTempDir();
  try {
    const table = await makeOwnTable(folder.path);
    const dataset = runtime.dataset('mine/all');
    await dataset.create({ fields: { topic: 'string' } });
    const result = await dataset.importRows(rowsOf(table));
    expect(result).toMatchObject({ readCount: 1_200, addedCount: 1_200, storedCount: 1_199, splitCount: 1 });
    const { chunks, indexedChunks } = (await dataset.status()).counts;
    expect(chunks.ready).toBe(indexedChunks);
    // Only the parts of the text that is longer than a chunk.
    expect(provider.stats().inputs).toBe(chunks.ready - 1_199);
    const [costs] = await runtime.costs({ by: [] });
    expect(costs).toMatchObject({ textCount: chunks.ready - 1_199, reusedTextCount: 1_199 });
    const [hit] = await dataset.search('record 42', { mode: 'text', limit: 1 });
    expect(hit).toMatchObject({ text: ' Words of record 42.\n', metadata: { topic: 't0' } });

    provider.reset();
    expect(await dataset.importRows(rowsOf(table))).toMatchObject({
      unchangedCount: 1_200,
      storedCount: 0,
      knownCount: 1_199,
    });
    expect(provider.stats().requests).toBe(0);
  } finally {
    folder.remove();
  }
}, 120_000);

test('a vector of another length is refused, with its place', async () => {
  const { runtime } = await startTestRuntime();
  const dataset = runtime.dataset('mine/all');
  await dataset.create();
  const error = await rejectionOf(dataset.importRows([{ key: 'a', text: 'words', vector: [1, 2] }]));
  expect(error).toMatchObject({ code: 'INVALID_VECTOR', details: { place: 0 } });
});
