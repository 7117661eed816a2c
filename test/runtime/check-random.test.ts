import { expect, test } from 'bun:test';
import type { Table } from '@lancedb/lancedb';
import { SYNC_KINDS, type SyncKind } from '../../src/domain/sync-report.ts';
import type { SyncReport } from '../../src/index.ts';
import { openTableDirectly, type RawRow, readRows, recordAsMarked } from '../support/damage-table.ts';
import { startTestRuntime } from '../support/test-runtime.ts';

/*
 * Random damage, done through LanceDB itself, with the record adjusted so that nothing gives it away but the rows: the report is
 * exactly that damage, and after the repair nothing is left of it. SYNC_SEED and SYNC_ROUNDS repeat or lengthen a run.
 */

const SEED = Number(process.env.SYNC_SEED ?? 1);
const ROUNDS = Number(process.env.SYNC_ROUNDS ?? 12);

const DOCUMENTS = Array.from({ length: 40 }, (_, number) => ({
  key: `${number}`,
  content: ['one', 'two', 'three']
    .map((part) => `# Part ${part}\n\n${`Words of part ${part} of document ${number}. `.repeat(10)}`)
    .join('\n\n'),
}));

/** Numbers from 0 to below 1 that a seed decides (mulberry32). */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Harm = 'drop' | 'repeat' | 'repeatAltered' | 'alter' | 'move' | 'turn' | 'spoil' | 'foreign';
const HARMS: readonly Harm[] = [
  'drop',
  'repeat',
  'repeatAltered',
  'alter',
  'move',
  'turn',
  'spoil',
  'foreign',
];

/** What spoils a vector as one of its numbers. */
const UNUSABLE = [Number.NaN, Number.POSITIVE_INFINITY, null] as const;

interface Damage {
  /** What the rows are to be. */
  readonly rows: RawRow[];
  /** The chunk of every finding, by kind. */
  readonly found: Record<SyncKind, number[]>;
}

/** Harms some rows, each at most once, so that what a check has to find is known. */
function damage(rows: readonly RawRow[], random: () => number): Damage {
  const found = Object.fromEntries(SYNC_KINDS.map((kind) => [kind, []])) as unknown as Damage['found'];
  const share = random() ** 2;
  const harmed = rows.flatMap((row): RawRow[] => {
    if (random() >= share) return [row];
    const chunkId = Number(row.chunk_id);
    const vector = row.vector as (number | null | undefined)[];
    const altered = { ...row, fingerprint: row.fingerprint + 1n };
    switch (HARMS[Math.floor(random() * HARMS.length)]) {
      case 'drop':
        found.missing.push(chunkId);
        return [];
      case 'repeat':
        found.duplicate.push(chunkId, chunkId);
        return [row, row, row];
      case 'repeatAltered':
        found.duplicate.push(chunkId);
        return random() < 0.5 ? [row, altered] : [altered, row];
      case 'alter':
        found.stale.push(chunkId);
        return [altered];
      case 'move':
        found.stale.push(chunkId);
        return [{ ...row, document_id: row.document_id + 1n }];
      case 'turn':
        found.wrongVector.push(chunkId);
        return [{ ...row, vector: vector.toReversed() }];
      case 'spoil':
        found.vectorless.push(chunkId);
        return [{ ...row, vector: vector.with(1, UNUSABLE[Math.floor(random() * UNUSABLE.length)]) }];
      default: {
        // An id that nobody has, in the same bucket and in another one; or below zero.
        const id = random() < 0.2 ? -chunkId : chunkId + 1_000_000 + Math.floor(random() * 3) * 256;
        found.extra.push(id);
        return [row, { ...row, chunk_id: BigInt(id) }];
      }
    }
  });
  return { rows: harmed, found };
}

async function replaceRows(table: Table, rows: readonly RawRow[]): Promise<void> {
  const isNaNRow = ({ vector }: RawRow): boolean => (vector as number[]).includes(Number.NaN);
  await table.delete('true');
  const [plain, withNaN] = [rows.filter((row) => !isNaNRow(row)), rows.filter(isNaNRow)];
  if (plain.length > 0) await table.add(plain);
  // LanceDB refuses to add NaN, but not to merge it.
  if (withNaN.length > 0) await table.mergeInsert('chunk_id').whenNotMatchedInsertAll().execute(withNaN);
}

function expectReport(report: SyncReport, { rows, found }: Damage, catalogRowCount: number): void {
  expect(report).toMatchObject({ catalogRowCount, tableRowCount: rows.length });
  for (const kind of SYNC_KINDS) {
    const ids = [...new Set(found[kind])].sort((a, b) => a - b);
    expect({ kind, ...report[kind] }).toEqual({
      kind,
      count: found[kind].length,
      firstChunkIds: ids.slice(0, 20),
    });
  }
}

test(`random damage is reported exactly and repaired without embedding anything (SYNC_SEED=${SEED})`, async () => {
  const random = createRandom(SEED);
  const { runtime, provider, dataDir, events } = await startTestRuntime({
    tokensPerChunkMax: 128,
    repairShareMax: 1,
  });
  const dataset = runtime.dataset('docs/all');
  await dataset.ingest(DOCUMENTS, { mode: 'sync' });
  provider.reset();
  for (let round = 1; round <= ROUNDS; round += 1) {
    const table = await openTableDirectly({ dataDir });
    const sound = await readRows(table);
    expect(sound).toHaveLength(120);
    const harmed = damage(sound, random);
    await replaceRows(table, harmed.rows);
    await recordAsMarked({ dataDir }, table);

    const report = await dataset.check({ level: 'deep' });
    expectReport(report, harmed, sound.length);
    const rowsReport = await dataset.check({ level: 'rows' });
    expect(rowsReport.inSync).toBe(
      SYNC_KINDS.every(
        (kind) => kind === 'wrongVector' || kind === 'vectorless' || harmed.found[kind].length === 0,
      ),
    );
    const repaired = await dataset.check({ level: 'deep', repair: true });
    expect(repaired.repaired).toBe(report.proposal);
    expect(await readRows(await openTableDirectly({ dataDir }))).toEqual(sound);
  }
  expect(provider.stats().requests).toBe(0);
  expect(events.some(({ type }) => type === 'sync.repaired')).toBe(true);
}, 120_000);
