/*
 * The bare floor: the least that any indexer has to do for the same documents, without durability, comparison, retries or
 * order. Reads, splits by tokens (one encoding of the whole text), hashes, embeds over HTTP with concurrent requests,
 * appends to LanceDB in large batches, and records documents and chunks in libSQL.
 *
 *     bun bench/floor.ts initial|unchanged FOLDER DATA_DIR EMBEDDING_URL IN_FLIGHT
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import * as lancedb from '@lancedb/lancedb';
import {
  Field,
  FixedSizeList,
  Float32,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import { decode, encode } from 'gpt-tokenizer/encoding/cl100k_base';
import Database from 'libsql';
import { measure } from './measure.ts';

const DIMENSIONS = 384;
const INPUTS_PER_REQUEST = 256;
/** Makes about as many chunks as Syncline does. */
const TOKENS_PER_CHUNK = 340;
const ROWS_PER_APPEND = 2_560;

interface Piece {
  readonly id: string;
  readonly text: string;
  readonly hash: Buffer;
}

const [mode = 'initial', folder = '', dataDir = '', url = '', inFlight = '8'] = process.argv.slice(2);
const itemField = new Field('item', new Float32(), true);
const schema = new Schema([
  new Field('id', new Utf8(), false),
  new Field('text', new Utf8(), false),
  new Field('vector', new FixedSizeList(DIMENSIONS, itemField), false),
]);

const { result, measurement } = await measure(() => (mode === 'initial' ? initial() : unchanged()));
process.stdout.write(`${JSON.stringify({ ...measurement, ...result })}\n`);

async function unchanged(): Promise<{ chunks: number }> {
  for (const name of readdirSync(folder)) sha256(await readFile(join(folder, name)));
  return { chunks: 0 };
}

async function initial(): Promise<{ chunks: number }> {
  mkdirSync(dataDir, { recursive: true });
  const database = openLedger();
  const table = await openTable();
  const waiting: Promise<void>[] = [];
  let pieces: Piece[] = [];
  let done: { pieces: Piece[]; vectors: Float32Array[] } = { pieces: [], vectors: [] };
  let appending: Promise<unknown> = Promise.resolve();
  let chunks = 0;

  const flush = (): void => {
    if (done.pieces.length === 0) return;
    const batch = done;
    done = { pieces: [], vectors: [] };
    appending = appending
      .then(() => append(table, batch.pieces, batch.vectors))
      .then(() => database.record(batch.pieces));
  };
  const send = async (batch: Piece[]): Promise<void> => {
    const request = embed(batch.map((piece) => piece.text)).then((vectors) => {
      done.pieces.push(...batch);
      done.vectors.push(...vectors);
      if (done.pieces.length >= ROWS_PER_APPEND) flush();
      waiting.splice(waiting.indexOf(request), 1);
    });
    waiting.push(request);
    if (waiting.length >= Number(inFlight)) await Promise.race(waiting);
  };

  for (const name of readdirSync(folder)) {
    const content = await readFile(join(folder, name), 'utf8');
    database.recordDocument(name, sha256(content));
    const tokens = encode(content, { disallowedSpecial: new Set() });
    for (let start = 0; start < tokens.length; start += TOKENS_PER_CHUNK) {
      const text = decode(tokens.slice(start, start + TOKENS_PER_CHUNK));
      pieces.push({ id: `${name}#${start}`, text, hash: sha256(text) });
      chunks += 1;
      if (pieces.length < INPUTS_PER_REQUEST) continue;
      await send(pieces);
      pieces = [];
    }
  }
  if (pieces.length > 0) await send(pieces);
  await Promise.all(waiting);
  flush();
  await appending;
  database.close();
  return { chunks };
}

function sha256(data: string | Uint8Array): Buffer {
  return createHash('sha256').update(data).digest();
}

async function embed(texts: string[]): Promise<Float32Array[]> {
  const response = await fetch(`${url}/embeddings`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'bench', input: texts, dimensions: DIMENSIONS, encoding_format: 'base64' }),
  });
  const body = (await response.json()) as { data: { embedding: string }[] };
  return body.data.map(({ embedding }) => {
    const bytes = Buffer.from(embedding, 'base64');
    return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  });
}

async function openTable(): Promise<lancedb.Table> {
  const connection = await lancedb.connect(join(dataDir, 'vectors'));
  return connection.createEmptyTable('floor', schema);
}

async function append(table: lancedb.Table, pieces: Piece[], vectors: Float32Array[]): Promise<void> {
  const flat = new Float32Array(pieces.length * DIMENSIONS);
  for (const [index, vector] of vectors.entries()) flat.set(vector, index * DIMENSIONS);
  const vectorData = makeData({
    type: new FixedSizeList(DIMENSIONS, itemField),
    length: pieces.length,
    nullCount: 0,
    child: makeData({ type: new Float32(), length: flat.length, nullCount: 0, data: flat }),
  });
  const texts = (values: string[]) => {
    const [data] = vectorFromArray(values, new Utf8()).data;
    if (data === undefined) throw new Error('no data');
    return data;
  };
  const children = [
    texts(pieces.map((piece) => piece.id)),
    texts(pieces.map((piece) => piece.text)),
    vectorData,
  ];
  const struct = makeData({ type: new Struct(schema.fields), length: pieces.length, nullCount: 0, children });
  await table.add(new Table(schema, [new RecordBatch(schema, struct)]));
}

function openLedger() {
  const database = new Database(join(dataDir, 'ledger.db'));
  database.exec('pragma journal_mode=wal; pragma synchronous=normal');
  database.exec('create table document (name text primary key, hash blob) strict');
  database.exec('create table chunk (id text primary key, hash blob) strict');
  const insertDocument = database.prepare('insert into document values (?, ?)');
  const insertChunk = database.prepare('insert into chunk values (?, ?)');
  let documents: [string, Buffer][] = [];
  return {
    recordDocument: (name: string, hash: Buffer) => documents.push([name, hash]),
    record(pieces: Piece[]) {
      database.exec('begin');
      for (const document of documents) insertDocument.run(document);
      for (const piece of pieces) insertChunk.run([piece.id, piece.hash]);
      database.exec('commit');
      documents = [];
    },
    close: () => database.close(),
  };
}
