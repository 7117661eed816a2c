import { Buffer } from 'node:buffer';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Writes a stream of lines into a file that only this user can read, hands it over, and removes it whatever happens: for clients that
 * upload files and no streams.
 */
export async function withSpoolFile<Result>(
  lines: AsyncIterable<string>,
  use: (path: string, byteCount: number) => Promise<Result>,
): Promise<Result> {
  // Made with mode 0700.
  const folder = await mkdtemp(join(tmpdir(), 'syncline-batch-'));
  try {
    const path = join(folder, 'requests.jsonl');
    const file = await open(path, 'wx', 0o600);
    let byteCount = 0;
    try {
      for await (const line of lines) {
        const bytes = Buffer.from(line, 'utf8');
        byteCount += bytes.byteLength;
        await file.appendFile(bytes);
      }
    } finally {
      await file.close();
    }
    return await use(path, byteCount);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
