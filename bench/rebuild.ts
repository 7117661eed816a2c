/*
 * A rebuild from the catalog against the raw write of the same table: the same rows and vectors, already in memory, appended to
 * an empty LanceDB table in the same portions, with the same indexes. Ratios count, absolute times are this machine's.
 *
 *     bun bench/rebuild.ts [--chunks 100000] [--dimensions 384]
 */
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { connect, type Table } from '@lancedb/lancedb';
import { createSyncline, type DocumentInput, type Embedder } from '../src/index.ts';
import { loadLance } from '../src/vectors/lance-library.ts';
import { createIndexes } from '../src/vectors/table-indexes.ts';
import { type Measurement, measure } from './measure.ts';

const { values } = parseArgs({
  options: {
    chunks: { type: 'string', default: '100000' },
    dimensions: { type: 'string', default: '384' },
  },
});
const chunkCount = Number(values.chunks);
const dimensions = Number(values.dimensions);
const CHUNKS_PER_DOCUMENT = 4;
/** As many as one commit of Syncline's carries at 384 dimensions. */
const ROWS_PER_APPEND = 800;
const dataDir = join(tmpdir(), `syncline-bench-${process.pid}`);

/** Vectors without a provider: what is measured is everything else. */
const embedder: Embedder = {
  provider: 'bench',
  model: 'bench',
  dimensions,
  limits: {
    itemsPerRequestMax: 256,
    tokensPerItemMax: 8_191,
    tokensPerRequestMax: 1e9,
    requestsInFlightMax: 4,
  },
  embed: async (texts) => ({ vectors: texts.map(vectorOf), tokensCharged: undefined }),
};

let state = 1;
function vectorOf(): Float32Array {
  return Float32Array.from({ length: dimensions }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
}

function* documents(): Generator<DocumentInput> {
  const filler = 'Every row carries about as much text as a paragraph of documentation does. '.repeat(12);
  for (let number = 0; number < chunkCount / CHUNKS_PER_DOCUMENT; number += 1) {
    const sections = Array.from(
      { length: CHUNKS_PER_DOCUMENT },
      (_, index) => `## Section ${number}.${index}\n\n${filler}\n`,
    );
    yield { key: `${number}`, content: sections.join('\n') };
  }
}

try {
  const runtime = createSyncline({ dataDir, embedder, generationsKeptMax: 0 });
  const dataset = runtime.dataset('bench/rebuild');
  await dataset.create({ tokensPerChunkMax: 256 });
  await dataset.ingest(documents(), { mode: 'sync' });
  const { table } = await dataset.status();
  if (table === undefined) throw new Error('There is no table.');
  process.stdout.write(`${table.rowCount} rows of ${dimensions} dimensions\n`);
  const rebuilt = await measure(() => dataset.rebuild());
  const serving = (await dataset.status()).table?.name ?? '';
  await runtime.stop();
  report('rebuild', rebuilt.measurement);
  const raw = await rawWrite(serving);
  report('raw write', raw);
  const { wallMs, cpuMs } = rebuilt.measurement;
  process.stdout.write(
    `rebuild / raw write: wall ${(wallMs / raw.wallMs).toFixed(2)}, cpu ${(cpuMs / raw.cpuMs).toFixed(2)}\n`,
  );
} finally {
  await rm(dataDir, { recursive: true, force: true });
}

/** Reads the table into memory first; only the writing is measured. */
async function rawWrite(tableName: string): Promise<Measurement> {
  const { lance, arrow } = await loadLance();
  const connection = await connect(join(dataDir, 'vectors'));
  const source = await connection.openTable(tableName);
  const schema = await source.schema();
  const portions: InstanceType<typeof arrow.Table>[] = [];
  for (let offset = 0; ; offset += ROWS_PER_APPEND) {
    const portion = await source.query().limit(ROWS_PER_APPEND).offset(offset).toArrow();
    if (portion.numRows === 0) break;
    portions.push(portion);
  }
  const { result, measurement } = await measure(async () => {
    const table: Table = await connection.createEmptyTable('raw', schema);
    await createIndexes(lance, table);
    for (const portion of portions) await table.add(portion);
    await table.optimize();
    if (await hasVectorIndex(source)) {
      const config = lance.Index.ivfFlat({ distanceType: 'cosine' });
      await table.createIndex('vector', { config });
    }
    return table.countRows();
  });
  if (result !== (await source.countRows())) throw new Error('The raw write wrote other rows.');
  return measurement;
}

async function hasVectorIndex(table: Table): Promise<boolean> {
  return (await table.listIndices()).some(({ columns }) => columns.includes('vector'));
}

function report(name: string, { wallMs, cpuMs, peakRssMb, lagP99Ms, lagMaxMs }: Measurement): void {
  process.stdout.write(
    `${name.padEnd(10)} wall ${(wallMs / 1_000).toFixed(2)} s  cpu ${(cpuMs / 1_000).toFixed(2)} s  rss ${peakRssMb.toFixed(0)} MB  lag p99 ${lagP99Ms.toFixed(1)} max ${lagMaxMs.toFixed(1)} ms\n`,
  );
}
