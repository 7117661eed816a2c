import { readFile } from 'node:fs/promises';
import { InvalidArgumentError } from 'commander';
import { isSynclineError, SynclineError } from '../domain/errors.ts';
import type { ChangedIds } from '../index.ts';

type Id = string | number;

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

/** A whole number is one; everything else is text. */
function parse(text: string, where: string): [table: string, ids: Id[]] {
  const [, table = '', list = ''] = /^([^:]+):(.*)$/s.exec(text) ?? [];
  const ids = list.split(',').map((id) => id.trim());
  if (table.trim() !== '' && ids.every((id) => id !== ''))
    return [table.trim(), ids.map((id) => (/^-?\d{1,15}$/.test(id) ? Number(id) : id))];
  throw new SynclineError(
    'INVALID_OPTION',
    `${where} names no records; give a table and ids, such as orders:1,2.`,
  );
}
