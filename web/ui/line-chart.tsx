import type { JSX } from 'preact';

/** A value at a time. */
export interface Point {
  readonly atMs: number;
  readonly value: number;
}

const WIDTH = 400;
const HEIGHT = 100;

/** How something went over the last minutes; its caption says what the newest value is. */
export function LineChart({
  title,
  points,
  fromMs,
  toMs,
  format,
  least,
}: {
  readonly title: string;
  readonly points: readonly Point[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly format: (value: number) => string;
  /** The scale ends there, at least: what is small shall not look large. */
  readonly least: number;
}): JSX.Element {
  const most = Math.max(least, ...points.map(({ value }) => value));
  const x = (atMs: number): number => ((atMs - fromMs) / (toMs - fromMs)) * WIDTH;
  const y = (value: number): number => HEIGHT - (value / most) * HEIGHT;
  const last = points.at(-1);
  // What was seen last holds until something else is seen: one look alone would be no line.
  const drawn = last === undefined ? [] : [...points, { ...last, atMs: toMs }];
  const line = drawn.map(({ atMs, value }) => `${x(atMs).toFixed(1)},${y(value).toFixed(1)}`).join(' L');
  const first = points[0];
  const now = last === undefined ? 'nothing yet' : format(last.value);
  return (
    <figure class="chart">
      <figcaption>
        <span>{title}</span>
        <b>{now}</b>
      </figcaption>
      <div class="plot">
        <span class="most">{format(most)}</span>
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img">
          <title>{`${title}, at most ${format(most)}, now ${now}`}</title>
          {first !== undefined && last !== undefined && (
            <>
              <path
                class="area"
                d={`M${x(first.atMs).toFixed(1)},${HEIGHT} L${line} L${WIDTH},${HEIGHT} Z`}
              />
              <path class="line" d={`M${line}`} />
              <path class="newest" d={`M${WIDTH},${y(last.value).toFixed(1)} h0`} />
            </>
          )}
        </svg>
      </div>
      <div class="span">
        <span>{Math.round((toMs - fromMs) / 60_000)} min ago</span>
        <span>now</span>
      </div>
    </figure>
  );
}
