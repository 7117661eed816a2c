import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** LanceDB leaves files alone that it does not know. */
const FILE = '_served';

/** Notes in a table's folder that it is about to serve, and when: who makes a lost catalog again finds the right one. */
export async function writeServedMark(folder: string, nowMs: number, durable: boolean): Promise<void> {
  const file = await open(join(folder, FILE), 'w');
  try {
    await file.writeFile(String(nowMs));
    if (durable) await file.sync();
  } finally {
    await file.close();
  }
}

/** When a table was last switched to, in Unix milliseconds; `undefined` when it never was. */
export async function readServedMark(folder: string): Promise<number | undefined> {
  try {
    const servedAtMs = Number(await readFile(join(folder, FILE), 'utf8'));
    return servedAtMs > 0 ? servedAtMs : undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined;
    throw error;
  }
}
