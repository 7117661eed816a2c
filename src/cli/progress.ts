import type { Dataset, DatasetCounts, Syncline, SynclineEvent } from '../index.ts';
import { countOf, formatCount, formatDuration, formatRate } from './format-values.ts';
import type { Output } from './output.ts';
import { createTimeLeft } from './time-left.ts';

/** What was done so far, counted from events. */
export interface ProgressCounts {
  /** Documents compared, changed or not. */
  readonly documents: number;
  readonly embedded: number;
  readonly rows: number;
}

/** Shows how far the work is; see {@link showProgress}. */
export interface Progress {
  counts(): ProgressCounts;
  /** Documents that wait from before: they count for the bar, too. */
  expect(documents: number): void;
  /**
   * From now on it is known how much there is to do, and with it how long that takes: all that waits for this dataset, as the
   * catalog counts it, now and again from time to time; or, without one, the documents that were expected.
   */
  aim(dataset?: Pick<Dataset, 'status'>): void;
  /** Takes the line away, or writes the last one. */
  stop(): void;
}

const REDRAW_INTERVAL_MS = 150;
/** Least time between two lines in a pipe. */
const LINE_INTERVAL_MS = 2_000;
/** Rates are of this last stretch of time. */
const RATE_WINDOW_MS = 5_000;
/** How often the catalog is asked what waits; between, it is counted from events. */
const LOOK_INTERVAL_MS = 10_000;

/**
 * Shows the progress of a runtime's work on stderr: on a terminal one line at its foot, in a pipe a line at most every 2 s
 * and only when something moved, with `--quiet` nothing. With `hideWhenStill` the line on the terminal goes away while
 * nothing moves.
 */
export function showProgress(
  output: Output,
  runtime: Syncline,
  { hideWhenStill = false }: { readonly hideWhenStill?: boolean } = {},
): Progress {
  const meter = createMeter();
  const unsubscribe = runtime.on(meter.add);
  let shown = '';
  const tick = (): void => {
    const line = meter.line(performance.now());
    if (line === undefined) return;
    if (output.isNoteTerminal) output.setFootLine(hideWhenStill && line.isStill ? undefined : line.text);
    else if (line.counts !== shown) output.note(line.text);
    shown = line.counts;
  };
  let aimed: Pick<Dataset, 'status'> | undefined;
  const look = async (): Promise<void> => {
    const dataset = aimed;
    try {
      const counts = (await dataset?.status())?.counts;
      // Asked for another one since, or stopped.
      if (counts !== undefined && dataset === aimed) meter.aim(rowsLeft(counts));
    } catch {
      // The work itself tells what is wrong; how long it takes is then not known.
    }
  };
  const isShown = !output.quiet;
  const intervalMs = output.isNoteTerminal ? REDRAW_INTERVAL_MS : LINE_INTERVAL_MS;
  const timer = isShown ? setInterval(tick, intervalMs) : undefined;
  const looking = isShown ? setInterval(() => void look(), LOOK_INTERVAL_MS) : undefined;
  return {
    counts: meter.counts,
    expect(documents) {
      aimed = undefined;
      meter.aim(undefined);
      meter.expect(documents);
    },
    aim(dataset) {
      aimed = dataset;
      meter.aim(0);
      if (isShown) void look();
    },
    stop() {
      aimed = undefined;
      clearInterval(timer);
      clearInterval(looking);
      unsubscribe();
      output.setFootLine(undefined);
    },
  };
}

/** Rows that are to be written and can be; `undefined` while documents wait of which nobody knows how many rows they make. */
function rowsLeft({
  chunks,
  indexedChunks,
  batchedChunks,
  incomingDocuments,
}: DatasetCounts): number | undefined {
  if (incomingDocuments > 0) return undefined;
  return Math.max(0, chunks.pending + chunks.ready - indexedChunks - batchedChunks);
}

interface MeterLine {
  readonly text: string;
  /** Changes only when something was done. */
  readonly counts: string;
  /** Nothing was done in the stretch of time that rates are of. */
  readonly isStill: boolean;
}

interface Meter {
  readonly add: (event: SynclineEvent) => void;
  readonly counts: () => ProgressCounts;
  readonly expect: (documents: number) => void;
  /**
   * How many rows are still to be written, at this moment; 0 where only the documents to write are known. `undefined`: nobody
   * knows.
   */
  readonly aim: (rows: number | undefined) => void;
  /** The line for now; `undefined` before anything was done. */
  readonly line: (nowMs: number) => MeterLine | undefined;
}

const BAR_WIDTH = 20;

/** How much of what is to become searchable is: `━━━━━━━━━━──────────  50 %`; empty when nothing is. */
export function drawBar(done: number, due: number): string {
  if (due === 0) return '';
  const share = Math.min(1, done / due);
  const filled = Math.floor(share * BAR_WIDTH);
  const percent = `${Math.floor(share * 100)} %`.padStart(5);
  return `${'━'.repeat(filled)}${'─'.repeat(BAR_WIDTH - filled)} ${percent} · `;
}

/** Counts events and says how far and how fast the work is. */
export function createMeter(startedAtMs: number = performance.now()): Meter {
  const total = { documents: 0, embedded: 0, rows: 0 };
  /** Documents that are to be written to a table, and those that were. */
  const written = { due: 0, done: 0 };
  /** Rows that are still to be written; `undefined` as long as nobody knows. */
  let rowsLeft: number | undefined;
  let rowTime = createTimeLeft();
  let documentTime = createTimeLeft();
  const leftText = (nowMs: number): string => {
    if (rowsLeft === undefined) return '';
    const leftMs =
      rowsLeft > 0 ? rowTime.look(rowsLeft, nowMs) : documentTime.look(written.due - written.done, nowMs);
    return leftMs === undefined ? '' : `${formatDuration(leftMs)} left · `;
  };
  const samples: (ProgressCounts & { readonly atMs: number })[] = [{ ...total, atMs: startedAtMs }];
  return {
    add(event) {
      if (event.type === 'documents.applied') {
        total.documents += event.added + event.changed + event.unchanged + event.removed;
        written.due += event.added + event.changed + event.removed;
      } else if (event.type === 'texts.embedded') total.embedded += event.texts;
      else if (event.type === 'table.written') {
        total.rows += event.rows;
        written.done += event.documents;
        if (rowsLeft !== undefined) rowsLeft = Math.max(0, rowsLeft - event.rows);
      }
    },
    counts: () => ({ ...total }),
    expect(documents) {
      written.due += documents;
    },
    aim(rows) {
      if (rows === undefined) [rowTime, documentTime] = [createTimeLeft(), createTimeLeft()];
      rowsLeft = rows;
    },
    line(nowMs) {
      const { documents, embedded, rows } = total;
      while (samples.length > 1 && nowMs - (samples[1]?.atMs ?? nowMs) > RATE_WINDOW_MS) samples.shift();
      const since = samples[0];
      samples.push({ ...total, atMs: nowMs });
      const left = leftText(nowMs);
      if (documents + embedded + rows === 0 || since === undefined) return undefined;
      const seconds = Math.max((nowMs - since.atMs) / 1_000, 0.001);
      const part = (count: number, before: number, noun: string): string =>
        `${noun} (${formatRate((count - before) / seconds)})`;
      const parts = [
        part(documents, since.documents, countOf(documents, 'document')),
        part(embedded, since.embedded, `${formatCount(embedded)} embedded`),
        part(rows, since.rows, `${countOf(rows, 'row')} written`),
        formatDuration(nowMs - startedAtMs),
      ].join(' · ');
      const text = `${drawBar(written.done, written.due)}${left}${parts}`;
      const isStill = documents === since.documents && embedded === since.embedded && rows === since.rows;
      return { text, counts: `${documents} ${embedded} ${rows}`, isStill };
    },
  };
}
