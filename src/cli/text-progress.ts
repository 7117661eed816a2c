import type { Syncline } from '../index.ts';
import { countOf, formatDuration, formatRate } from './format-values.ts';
import type { Output } from './output.ts';

const REDRAW_INTERVAL_MS = 150;
/** Least time between two lines in a pipe. */
const LINE_INTERVAL_MS = 2_000;

/** Shows how many of a dataset's texts are embedded, how fast, and how long the rest takes: where progress is shown, as it is shown. */
export function showTextProgress(
  output: Output,
  runtime: Syncline,
  address: string,
  textCount: number,
): { stop(): void } {
  const startMs = performance.now();
  let embedded = 0;
  let shown = -1;
  const unsubscribe = runtime.on((event) => {
    if (event.type === 'texts.embedded' && event.address === address) embedded += event.texts;
  });
  const tick = (): void => {
    if (embedded === 0) return;
    const elapsedMs = performance.now() - startMs;
    const perSecond = (embedded * 1_000) / elapsedMs;
    const leftMs = (elapsedMs * Math.max(0, textCount - embedded)) / embedded;
    const left = embedded < textCount ? `, ${formatDuration(leftMs)} left` : '';
    const line = `Embedding: ${embedded} of ${countOf(Math.max(textCount, embedded), 'text')}, ${formatRate(perSecond)}${left}`;
    if (output.isNoteTerminal) output.setFootLine(line);
    else if (embedded !== shown) output.note(line);
    shown = embedded;
  };
  const intervalMs = output.isNoteTerminal ? REDRAW_INTERVAL_MS : LINE_INTERVAL_MS;
  const timer = output.quiet ? undefined : setInterval(tick, intervalMs);
  return {
    stop() {
      clearInterval(timer);
      unsubscribe();
      output.setFootLine(undefined);
    },
  };
}
