import type { Syncline } from '../index.ts';
import { countOf, formatDuration, formatRate } from './format-values.ts';
import type { Output } from './output.ts';
import { createTimeLeft } from './time-left.ts';

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
  const timeLeft = createTimeLeft();
  let embedded = 0;
  let shown = -1;
  const unsubscribe = runtime.on((event) => {
    if (event.type === 'texts.embedded' && event.address === address) embedded += event.texts;
  });
  const tick = (): void => {
    const nowMs = performance.now();
    const leftMs = timeLeft.look(textCount - embedded, nowMs);
    if (embedded === 0) return;
    const perSecond = (embedded * 1_000) / (nowMs - startMs);
    const left = leftMs === undefined ? '' : `, ${formatDuration(leftMs)} left`;
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
