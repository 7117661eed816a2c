import type { CopyProgress } from '../index.ts';
import { formatBytes } from './format-values.ts';
import type { Output } from './output.ts';

/** Shows on a terminal how far a copy is; in a pipe and with `--quiet` nothing. */
export function showCopyProgress(output: Output): (progress: CopyProgress) => void {
  if (output.quiet || !output.isNoteTerminal) return () => undefined;
  return ({ copiedBytes, totalBytes }) => {
    const percent = totalBytes === 0 ? 0 : Math.floor((copiedBytes / totalBytes) * 100);
    output.setFootLine(`Copying: ${percent} % · ${formatBytes(copiedBytes)} of ${formatBytes(totalBytes)}`);
  };
}
