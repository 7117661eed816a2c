import type { ComponentChildren, JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { chunksOf, type DatasetEntry } from '../core/dataset-entry.ts';
import { formatCount, plural } from '../core/format.ts';
import { datasetLink } from '../core/router.ts';
import { datasets, watchDataset } from '../core/store.ts';
import type { Upload } from '../core/upload.ts';
import { ChunkLegend } from '../ui/chunk-legend.tsx';
import { Notice } from '../ui/parts.tsx';
import { ChunkBar, isWaiting, PhaseBadge } from '../ui/state.tsx';
import { SearchPanel } from './search-panel.tsx';

/** Files that are named where they were left out. */
const LEFT_OUT_SHOWN = 20;

/** Where files are on their way: read, taken in, cut, embedded, written; then they can be searched. */
export function UploadProgress({ upload }: { readonly upload: Upload }): JSX.Element {
  const { address, fileCount, readCount, sentCount, sentAtMs, unchangedCount, leftOut, state, problem } =
    upload;
  const entry = datasets.value.get(address);
  useEffect(() => watchDataset(address), [address]);
  const isSent = state === 'sent';
  const isDone =
    isSent &&
    sentCount > 0 &&
    entry !== undefined &&
    !isWaiting(entry.status.value) &&
    // A status from before knows nothing of these documents.
    entry.askedAtMs > sentAtMs;
  return (
    <>
      <ol class="steps">
        <Step isDone={readCount === fileCount} isNow={state === 'sending'}>
          {formatCount(readCount)} of {plural(fileCount, 'file')} read
          {leftOut.length > 0 && `, ${formatCount(leftOut.length)} left out`}
        </Step>
        <Step isDone={isSent} isNow={state === 'sending'}>
          {plural(sentCount, 'document')} taken in
          {unchangedCount > 0 && `, ${formatCount(unchangedCount)} as before`}
        </Step>
        <Step isDone={isDone} isNow={isSent && !isDone && sentCount > 0}>
          {entry === undefined ? 'Cut, embedded and written' : <Indexing entry={entry} />}
        </Step>
      </ol>
      {problem !== undefined && <Notice tone="bad">{problem}</Notice>}
      {leftOut.length > 0 && (
        <details>
          <summary>{plural(leftOut.length, 'file')} left out</summary>
          <ul>
            {leftOut.slice(0, LEFT_OUT_SHOWN).map(({ name, reason }) => (
              <li key={name}>
                <code>{name}</code>: {reason}
              </li>
            ))}
          </ul>
          {leftOut.length > LEFT_OUT_SHOWN && <p>and {formatCount(leftOut.length - LEFT_OUT_SHOWN)} more</p>}
        </details>
      )}
      {isDone && (
        <Notice tone="ok" actions={<a href={datasetLink(address)}>Open {address}</a>}>
          All of it is searchable. Try it:
        </Notice>
      )}
      {entry !== undefined && isDone && <SearchPanel entry={entry} />}
    </>
  );
}

function Step({
  isDone,
  isNow,
  children,
}: {
  readonly isDone: boolean;
  readonly isNow: boolean;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <li class={isDone ? 'done' : isNow ? 'now' : ''}>
      <div>{children}</div>
    </li>
  );
}

function Indexing({ entry }: { readonly entry: DatasetEntry }): JSX.Element {
  const { total, indexed } = chunksOf(entry.status.value);
  return (
    <>
      <p>
        {formatCount(indexed)} of {plural(total, 'chunk')} searchable{' '}
        <PhaseBadge status={entry.status.value} />
      </p>
      <ChunkBar entry={entry} />
      <ChunkLegend entry={entry} />
    </>
  );
}
