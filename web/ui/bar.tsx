import type { JSX } from 'preact';
import { formatCount } from '../core/format.ts';

/** Where chunks are, as parts of a whole. */
export interface BarPart {
  readonly name: string;
  readonly count: number;
  readonly tone: 'ok' | 'busy' | 'wait' | 'bad';
}

/** A bar whose parts are as long as their counts; its text says the same. */
export function Bar({
  parts,
  label,
}: {
  readonly parts: readonly BarPart[];
  readonly label: string;
}): JSX.Element {
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  const told = parts
    .filter(({ count }) => count > 0)
    .map(({ name, count }) => `${formatCount(count)} ${name}`);
  const text = `${label}: ${told.length === 0 ? 'nothing yet' : told.join(', ')}`;
  return (
    <div class="bar" role="img" aria-label={text} title={text}>
      {parts.map(
        ({ name, count, tone }) =>
          count > 0 && <span key={name} class={tone} style={{ width: `${(count / total) * 100}%` }} />,
      )}
    </div>
  );
}
