import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new folder of its own; removed with all that is in it by {@link TempDir.remove} or at the end of a `using` block. */
export interface TempDir {
  readonly path: string;
  /** A path inside. */
  join(...parts: string[]): string;
  remove(): void;
  [Symbol.dispose](): void;
}

/** Makes a folder for one test. */
export function makeTempDir(): TempDir {
  const path = mkdtempSync(join(tmpdir(), 'syncline-test-'));
  const remove = () => rmSync(path, { recursive: true, force: true });
  return { path, join: (...parts) => join(path, ...parts), remove, [Symbol.dispose]: remove };
}
