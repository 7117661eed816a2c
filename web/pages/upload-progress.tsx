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

/** Where files are on their way: read, taken in, cut, embedded, written; then they can be searched. */
export function UploadProgress({ upload }: { readonly upload: Upload }): JSX.Element {
  const { address, fileCount, readCount, sentCount, sentAtMs, unchangedCount, state, problem } = upload;
  const { skippedCount, refusedCount } = upload;
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
          {skippedCount > 0 && `, ${formatCount(skippedCount)} left out`}
        </Step>
        <Step isDone={isSent} isNow={state === 'sending'}>
          {plural(sentCount, 'document')} taken in
          {unchangedCount > 0 && `, ${formatCount(unchangedCount)} as before`}
          {refusedCount > 0 && `, ${formatCount(refusedCount)} refused`}
        </Step>
        <Step isDone={isDone} isNow={isSent && !isDone && sentCount > 0}>
          {entry === undefined ? 'Cut, embedded and written' : <Indexing entry={entry} />}
        </Step>
      </ol>
      {problem !== undefined && <Notice tone="bad">{problem}</Notice>}
      <LeftOut upload={upload} />
      {entry !== undefined && isDone && <Searchable entry={entry} />}
    </>
  );
}

function LeftOut({ upload }: { readonly upload: Upload }): JSX.Element | null {
  const { skippedCount, refusedCount, leftOut } = upload;
  const count = skippedCount + refusedCount;
  if (count === 0) return null;
  return (
    <details open>
      <summary>{formatCount(count)} left out</summary>
      <ul>
        {leftOut.map(({ name, reason }, place) => (
          <li key={place}>
            <code>{name}</code>: {reason}
          </li>
        ))}
      </ul>
      {count > leftOut.length && <p>and {formatCount(count - leftOut.length)} more</p>}
    </details>
  );
}

/** What can be searched once nothing waits any more: all of it, but for what was given up. */
function Searchable({ entry }: { readonly entry: DatasetEntry }): JSX.Element {
  const { address } = entry;
  const { total, failed, indexed } = chunksOf(entry.status.value);
  const open = <a href={datasetLink(address)}>Open {address}</a>;
  return (
    <>
      {failed === 0 ? (
        <Notice tone="ok" actions={open}>
          All that was taken in is searchable. Try it:
        </Notice>
      ) : (
        <Notice tone="warn" actions={open}>
          {formatCount(indexed)} of {plural(total, 'chunk')} {indexed === 1 ? 'is' : 'are'} searchable;{' '}
          {formatCount(failed)} {failed === 1 ? 'was' : 'were'} given up.{' '}
          <a href={datasetLink(address, 'failures')}>See why, and try again</a>
        </Notice>
      )}
      {indexed > 0 && <SearchPanel entry={entry} />}
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
