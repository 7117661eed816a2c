import { readFile } from 'node:fs/promises';
import { InvalidArgumentError } from 'commander';
import { isSynclineError, SynclineError } from '../domain/errors.ts';
import type { ChangedIds } from '../index.ts';

type Part = string | number;
type Id = Part | readonly Part[];

/** Text or a whole number, as JSON writes them. */
const PART = /"(?:[^"\\\p{Cc}]|\\["\\/bfnrt]|\\u[\da-f]{4})*"|-?\d+/iu;
/** The ids before the next comma: a list of the values of several key columns, or anything else. */
const ID = new RegExp(
  `\\s*(?:(\\[\\s*(?:${PART.source})(?:\\s*,\\s*(?:${PART.source}))*\\s*\\])\\s*(?=,|$)|([^,]*))(?:,|$)`,
  'iuy',
);

/** `orders:1,2` of the flag `--changed`, added to those before. */
export function collectChanged(text: string, before: ChangedIds = {}): ChangedIds {
  try {
    return withIds(before, text, 'It');
  } catch (error) {
    // While the command line is read, Commander knows no other error.
    if (isSynclineError(error, 'INVALID_OPTION')) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

/** A file with one record a line: `orders:1`, or several: `orders:1,2`. Empty lines and those that begin with # count for nothing. */
export async function readChangedFile(path: string, before: ChangedIds = {}): Promise<ChangedIds> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    throw new SynclineError(
      'INVALID_OPTION',
      `The file "${path}" of --changed-from cannot be read (${code}).`,
    );
  }
  const changed = new Map<string, Id[]>(
    Object.entries(before).map(([table, ids]) => [table, [...ids] as Id[]]),
  );
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    const [table, ids] = parse(trimmed, `${path}, line ${index + 1}`);
    const known = changed.get(table);
    if (known === undefined) changed.set(table, ids);
    else known.push(...ids);
  }
  return Object.fromEntries(changed);
}

function withIds(before: ChangedIds, text: string, where: string): ChangedIds {
  const [table, ids] = parse(text, where);
  return { ...before, [table]: [...(before[table] ?? []), ...ids] };
}

function parse(text: string, where: string): [table: string, ids: Id[]] {
  const [, table = '', list = ''] = /^([^:]+):(.*)$/s.exec(text) ?? [];
  const ids = splitIds(list);
  if (table.trim() !== '' && ids.every((id) => id !== '')) return [table.trim(), ids];
  throw new SynclineError(
    'INVALID_OPTION',
    `${where} names no records; give a table and ids, such as orders:1,2, or where several columns are the key, lines:[1,2],[1,3].`,
  );
}

/** Ids with commas between them. `[1,"a"]` is one id of two values, `["a,b"]` the text with the comma. */
function splitIds(text: string): Id[] {
  const ids: Id[] = [];
  ID.lastIndex = 0;
  for (;;) {
    const [whole = '', list, plain = ''] = ID.exec(text) ?? [];
    ids.push(list === undefined ? toPart(plain.trim()) : partsOf(list));
    if (!whole.endsWith(',')) return ids;
  }
}

function partsOf(list: string): Id {
  const parts = [...list.matchAll(new RegExp(PART, 'giu'))].map(([part]) =>
    part.startsWith('"') ? (JSON.parse(part) as string) : toPart(part),
  );
  const [first, ...others] = parts;
  return first !== undefined && others.length === 0 ? first : parts;
}

/** A whole number is one; everything else is text. */
function toPart(text: string): Part {
  return /^-?\d{1,15}$/.test(text) ? Number(text) : text;
}
