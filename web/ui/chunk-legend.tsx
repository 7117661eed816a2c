import type { JSX } from 'preact';
import { chunksOf, type DatasetEntry } from '../core/dataset-entry.ts';
import { formatCount } from '../core/format.ts';

/** What the colours of a bar of chunks mean, with their counts. */
export function ChunkLegend({ entry }: { readonly entry: DatasetEntry }): JSX.Element {
  const { pending, ready, failed, indexed } = chunksOf(entry.status.value);
  const parts = [
    ['ok', 'indexed', indexed],
    ['busy', 'embedded, being written', ready - indexed],
    ['wait', 'pending', pending],
    ['bad', 'failed', failed],
  ] as const;
  return (
    <ul class="legend">
      {parts.map(([tone, name, count]) => (
        <li key={name} class={tone}>
          {formatCount(count)} {name}
        </li>
      ))}
    </ul>
  );
}
