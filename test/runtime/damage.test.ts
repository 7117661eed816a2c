import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test';
import { cpSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type Table } from '@lancedb/lancedb';
import { createLocalEmbedder, createSyncline, type Embedder, type SynclineEvent } from '../../src/index.ts';
import { readCatalog } from '../support/catalog-contents.ts';
import { makeTempDir, type TempDir } from '../support/temp-dir.ts';

/*
 * What can happen to the files of a table behind our back, one by one, on a table of several commits. Whatever it is: it is
 * noticed, by the boot or by the level of check that is given, healed without an embedding, and nothing is lost.
 */
setDefaultTimeout(120_000);

const DOCUMENTS = Array.from({ length: 40 }, (_, number) => ({
  key: `${number}`,
  content: `Words of document ${number}. ${'more of it '.repeat(20)}`,
}));
const local = createLocalEmbedder();
let embeddedTexts = 0;
const counting: Embedder = {
  ...local,
  embed(texts, options) {
    embeddedTexts += texts.length;
    return local.embed(texts, options);
  },
};

let dir: TempDir;
/** The name of the table's folder in the sound copy. */
let folder = '';

function open(dataDir: string, events: SynclineEvent[] = []) {
  const runtime = createSyncline({ dataDir, embedder: counting, durableTables: false, environment: {} });
  runtime.on((event) => events.push(event));
  return runtime;
}

beforeAll(async () => {
  dir = makeTempDir();
  await using runtime = open(dir.join('sound'));
  const dataset = runtime.dataset('docs/all');
  await dataset.ingest(DOCUMENTS.slice(0, 25));
  cpSync(dir.join('sound/vectors'), dir.join('earlier'), { recursive: true });
  await dataset.ingest(DOCUMENTS.slice(20));
  await dataset.ingest([{ key: '7', content: 'Other words of document 7.' }]);
  await dataset.ingest(DOCUMENTS.slice(7, 8));
  [folder = ''] = readdirSync(dir.join('sound/vectors'));
});

afterAll(() => dir.remove());

interface Place {
  /** The folder of tables. */
  readonly vectors: string;
  /** The folder of the table. */
  readonly table: string;
}

interface Damage {
  readonly name: string;
  /** What notices it. */
  readonly noticedBy: 'boot' | 'rows' | 'deep';
  readonly make: (place: Place) => void | Promise<void>;
}

function files({ table }: Place, part: string, ending = ''): string[] {
  return readdirSync(join(table, part))
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(table, part, name));
}

const newestManifest = (place: Place): string => files(place, '_versions', '.manifest')[0] ?? '';
const sizeOf = (path: string): number => readFileSync(path).length;
const zero = (path: string): void => writeFileSync(path, Buffer.alloc(readFileSync(path).length));
const half = (path: string): void => truncateSync(path, Math.floor(readFileSync(path).length / 2));

async function behindOurBack(
  { vectors, table }: Place,
  change: (table: Table) => Promise<unknown>,
): Promise<void> {
  const connection = await connect(vectors);
  await change(await connection.openTable(table.slice(vectors.length + 1, -'.lance'.length)));
}

const DAMAGES: readonly Damage[] = [
  {
    name: 'the folder of tables is gone',
    noticedBy: 'boot',
    make: ({ vectors }) => rmSync(vectors, { recursive: true }),
  },
  { name: 'the table is gone', noticedBy: 'boot', make: ({ table }) => rmSync(table, { recursive: true }) },
  { name: 'the newest manifest is cut off', noticedBy: 'boot', make: (place) => half(newestManifest(place)) },
  {
    name: 'the newest manifest is empty',
    noticedBy: 'boot',
    make: (place) => truncateSync(newestManifest(place), 0),
  },
  {
    name: 'the newest manifest is full of zeros',
    noticedBy: 'boot',
    make: (place) => zero(newestManifest(place)),
  },
  {
    name: 'the newest manifest is deleted',
    noticedBy: 'boot',
    make: (place) => rmSync(newestManifest(place)),
  },
  {
    name: 'all manifests are deleted',
    noticedBy: 'boot',
    make: ({ table }) => rmSync(join(table, '_versions'), { recursive: true }),
  },
  {
    name: 'an older copy of the folder is put back',
    noticedBy: 'boot',
    make({ vectors }) {
      rmSync(vectors, { recursive: true });
      cpSync(dir.join('earlier'), vectors, { recursive: true });
    },
  },
  {
    name: 'a file lies where the table was',
    noticedBy: 'boot',
    make({ table }) {
      rmSync(table, { recursive: true });
      writeFileSync(table, 'not a folder');
    },
  },
  {
    name: 'rows were deleted',
    noticedBy: 'boot',
    make: (place) => behindOurBack(place, (table) => table.delete('document_id < 9')),
  },
  {
    name: 'foreign rows were added',
    noticedBy: 'boot',
    make: (place) =>
      behindOurBack(place, async (table) => {
        await table.add(await table.query().where('document_id = 3').toArrow());
      }),
  },
  {
    name: 'texts were changed',
    noticedBy: 'boot',
    make: (place) =>
      behindOurBack(place, (table) =>
        table.update({ where: 'document_id = 5', valuesSql: { embedded_text: `'something else'` } }),
      ),
  },
  {
    name: 'a column was added',
    noticedBy: 'boot',
    make: (place) => behindOurBack(place, (table) => table.addColumns([{ name: 'x', valueSql: '1' }])),
  },
  {
    name: 'the files of data are gone',
    noticedBy: 'rows',
    make: ({ table }) => rmSync(join(table, 'data'), { recursive: true }),
  },
  {
    name: 'one file of data is gone',
    noticedBy: 'rows',
    // The largest: a small one may be of an earlier version alone, and nobody would miss it.
    make: (place) => rmSync(files(place, 'data').toSorted((a, b) => sizeOf(b) - sizeOf(a))[0] ?? ''),
  },
  {
    name: 'a file of data is cut off',
    noticedBy: 'rows',
    make: (place) => files(place, 'data').forEach(half),
  },
  {
    name: 'a file of data is empty',
    noticedBy: 'rows',
    make: (place) =>
      files(place, 'data').forEach((path) => {
        truncateSync(path, 0);
      }),
  },
  {
    name: 'a file of data is full of zeros',
    noticedBy: 'rows',
    make: (place) => files(place, 'data').forEach(zero),
  },
  {
    name: 'numbers of vectors have flipped',
    noticedBy: 'deep',
    make(place) {
      // The first number of a vector that the catalog knows, wherever it stands in a file.
      for (const path of files(place, 'data')) {
        const bytes = readFileSync(path);
        for (const vector of knownVectors) {
          const at = bytes.indexOf(vector);
          if (at >= 0) bytes.writeFloatLE(bytes.readFloatLE(at) + 0.5, at);
        }
        writeFileSync(path, bytes);
      }
    },
  },
];

let knownVectors: Buffer[] = [];

test.each(DAMAGES.map((damage) => [damage.name, damage] as const))(
  '%s: noticed, healed, nothing lost, nothing paid',
  async (name, { noticedBy, make }) => {
    const dataDir = dir.join(`damaged-${name.replaceAll(' ', '-')}`);
    cpSync(dir.join('sound'), dataDir, { recursive: true });
    const before = readCatalog(join(dataDir, 'catalog.db'));
    knownVectors = before.embeddings.map(([, , hex]) => Buffer.from(String(hex), 'hex')).slice(0, 3);
    const vectors = join(dataDir, 'vectors');
    await make({ vectors, table: join(vectors, folder) });
    embeddedTexts = 0;
    const events: SynclineEvent[] = [];
    await using runtime = open(dataDir, events);
    const dataset = runtime.dataset('docs/all');
    await dataset.index();
    const healed = (): boolean =>
      events.some(({ type }) => ['table.restored', 'table.rebuilt', 'sync.repaired'].includes(type));
    if (noticedBy !== 'boot') {
      const report = await dataset.check({ level: noticedBy, repair: true });
      expect(report.inSync).toBe(false);
    }
    expect(healed()).toBe(true);
    expect(await dataset.check({ level: 'deep' })).toMatchObject({ inSync: true, tableRowCount: 40 });
    const found = await dataset.search('document', { mode: 'text', limit: 100 });
    expect(found.map(({ key }) => Number(key)).sort((a, b) => a - b)).toEqual(
      DOCUMENTS.map(({ key }) => Number(key)),
    );
    expect(await dataset.ingest(DOCUMENTS)).toMatchObject({ unchangedCount: 40 });
    expect(embeddedTexts).toBe(0);
    await runtime.stop();
    const after = readCatalog(join(dataDir, 'catalog.db'));
    expect([after.documents, after.chunks, after.embeddings]).toEqual([
      before.documents,
      before.chunks,
      before.embeddings,
    ]);
  },
);
