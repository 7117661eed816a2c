import type { Data, List } from 'apache-arrow';
import { SynclineError } from '../domain/errors.ts';
import type { FieldType, FieldValue } from '../domain/fields.ts';
import type { Arrow } from './lance-library.ts';

const UINT32_RANGE = 2 ** 32;
const encoder = new TextEncoder();

/** Integers as an Int64 column, written as two 32-bit halves: no BigInt per row. */
export function int64Column(arrow: Arrow, length: number, value: (row: number) => number | null): Data {
  const halves = new Int32Array(length * 2);
  const nulls = createNulls(length);
  for (let row = 0; row < length; row += 1) {
    const item = value(row);
    if (item === null) nulls.set(row);
    else {
      halves[row * 2] = item % UINT32_RANGE;
      halves[row * 2 + 1] = Math.floor(item / UINT32_RANGE);
    }
  }
  const data = new BigInt64Array(halves.buffer);
  return arrow.makeData({ type: new arrow.Int64(), length, ...nulls.result(), data });
}

/** 64-bit values as an Int64 column. */
export function bigintColumn(arrow: Arrow, length: number, value: (row: number) => bigint): Data {
  const data = BigInt64Array.from({ length }, (_, row) => value(row));
  return arrow.makeData({ type: new arrow.Int64(), length, nullCount: 0, data });
}

/** Small integers as an Int32 column. */
export function int32Column(arrow: Arrow, length: number, value: (row: number) => number): Data {
  const data = Int32Array.from({ length }, (_, row) => value(row));
  return arrow.makeData({ type: new arrow.Int32(), length, nullCount: 0, data });
}

/** Small integers as an Int16 column. */
export function int16Column(arrow: Arrow, length: number, value: (row: number) => number): Data {
  const data = Int16Array.from({ length }, (_, row) => value(row));
  return arrow.makeData({ type: new arrow.Int16(), length, nullCount: 0, data });
}

/** Texts as a Utf8 column; lone surrogates become U+FFFD. */
export function utf8Column(arrow: Arrow, length: number, value: (row: number) => string | null): Data {
  const valueOffsets = new Int32Array(length + 1);
  const nulls = createNulls(length);
  let bytes = 0;
  for (let row = 0; row < length; row += 1) {
    const item = value(row);
    if (item === null) nulls.set(row);
    else bytes += Buffer.byteLength(item, 'utf8');
    valueOffsets[row + 1] = bytes;
  }
  const data = new Uint8Array(bytes);
  for (let row = 0; row < length; row += 1) {
    const item = value(row);
    if (item !== null) encoder.encodeInto(item, data.subarray(valueOffsets[row]));
  }
  return arrow.makeData({ type: new arrow.Utf8(), length, ...nulls.result(), valueOffsets, data });
}

/** `length` vectors of `dimensions` numbers, taken over from the flat array without a copy. */
export function vectorColumn(arrow: Arrow, length: number, dimensions: number, flat: Float32Array): Data {
  const item = new arrow.Field('item', new arrow.Float32(), true);
  const child = arrow.makeData({
    type: new arrow.Float32(),
    length: length * dimensions,
    nullCount: 0,
    data: flat,
  });
  return arrow.makeData({ type: new arrow.FixedSizeList(dimensions, item), length, nullCount: 0, child });
}

/** The column of a declared field. Values have the field's type (`fieldValues` of the domain checked that). */
export function fieldColumnData(
  arrow: Arrow,
  type: FieldType,
  length: number,
  value: (row: number) => FieldValue,
): Data {
  switch (type) {
    case 'string':
      return utf8Column(arrow, length, (row) => asType(value(row), 'string'));
    case 'integer':
      return int64Column(arrow, length, (row) => asType(value(row), 'number'));
    case 'number':
      return float64Column(arrow, length, (row) => asType(value(row), 'number'));
    case 'boolean':
      return boolColumn(arrow, length, (row) => asType(value(row), 'boolean'));
    case 'string[]':
      return utf8ListColumn(arrow, length, (row) => asList(value(row)));
  }
}

function float64Column(arrow: Arrow, length: number, value: (row: number) => number | null): Data {
  const data = new Float64Array(length);
  const nulls = createNulls(length);
  for (let row = 0; row < length; row += 1) {
    const item = value(row);
    if (item === null) nulls.set(row);
    else data[row] = item;
  }
  return arrow.makeData({ type: new arrow.Float64(), length, ...nulls.result(), data });
}

/** Booleans as Int8, 1 and 0: Arrow's JavaScript writer leaves out the values of a Bool column that has none, and no reader takes that. */
function boolColumn(arrow: Arrow, length: number, value: (row: number) => boolean | null): Data {
  const data = new Int8Array(length);
  const nulls = createNulls(length);
  for (let row = 0; row < length; row += 1) {
    const item = value(row);
    if (item === null) nulls.set(row);
    else data[row] = item ? 1 : 0;
  }
  return arrow.makeData({ type: new arrow.Int8(), length, ...nulls.result(), data });
}

function utf8ListColumn(
  arrow: Arrow,
  length: number,
  value: (row: number) => readonly string[] | null,
): Data {
  const valueOffsets = new Int32Array(length + 1);
  const nulls = createNulls(length);
  const items: string[] = [];
  for (let row = 0; row < length; row += 1) {
    const list = value(row);
    if (list === null) nulls.set(row);
    else for (const item of list) items.push(item);
    valueOffsets[row + 1] = items.length;
  }
  const child = utf8Column(arrow, items.length, (index) => items[index] ?? '');
  const type = new arrow.List(new arrow.Field('item', new arrow.Utf8(), true));
  return arrow.makeData<List>({ type, length, ...nulls.result(), valueOffsets, child });
}

/** Collects which rows are null; Arrow's bitmap has a 1 where there is a value. */
function createNulls(length: number) {
  let nullCount = 0;
  let nullBitmap: Uint8Array | undefined;
  return {
    set(row: number): void {
      nullBitmap ??= new Uint8Array(Math.ceil(length / 8)).fill(255);
      nullBitmap[row >> 3] = (nullBitmap[row >> 3] ?? 0) & ~(1 << (row & 7));
      nullCount += 1;
    },
    result: () => (nullBitmap === undefined ? { nullCount: 0 } : { nullCount, nullBitmap }),
  };
}

interface ScalarTypes {
  string: string;
  number: number;
  boolean: boolean;
}

function asType<T extends keyof ScalarTypes>(value: FieldValue, type: T): ScalarTypes[T] | null {
  if (value === null) return null;
  if (typeof value === type) return value as ScalarTypes[T];
  throw new SynclineError('INTERNAL', `A declared field holds a ${typeof value} where its type is ${type}.`);
}

function asList(value: FieldValue): readonly string[] | null {
  if (value === null || Array.isArray(value)) return value as readonly string[] | null;
  throw new SynclineError('INTERNAL', `A declared field holds a ${typeof value} where its type is string[].`);
}
