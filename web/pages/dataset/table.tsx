import type { JSX } from 'preact';
import type { DatasetEntry } from '../../core/dataset-entry.ts';
import { formatBytes, formatCount } from '../../core/format.ts';
import { Ago, Fact, Notice, Section } from '../../ui/parts.tsx';
import { Generations } from './generations.tsx';
import { SyncCheck } from './sync-check.tsx';

/** The table that serves: whether it is what the catalog says, and those that served before. */
export function TableTab({ entry }: { readonly entry: DatasetEntry }): JSX.Element {
  return (
    <>
      <SyncCheck entry={entry} />
      <Generations entry={entry} />
      <Upkeep entry={entry} />
    </>
  );
}

function Upkeep({ entry }: { readonly entry: DatasetEntry }): JSX.Element | null {
  const { maintenance } = entry.status.value;
  if (maintenance === undefined) return null;
  const { lastRunAt, failure, failureCount, table } = maintenance;
  return (
    <Section title="Upkeep">
      {failure !== undefined && (
        <Notice tone="warn">
          It failed {failureCount} times in a row: {failure.detail} <code>{failure.code}</code>
        </Notice>
      )}
      <dl class="card facts">
        <Fact name="Last run">
          <Ago at={lastRunAt} />
        </Fact>
        <Fact name="Size">{formatBytes(table.totalBytes)}</Fact>
        <Fact name="Could be freed">{formatBytes(table.reclaimableBytes)}</Fact>
        <Fact name="Fragments">{formatCount(table.fragmentCount)}</Fact>
        <Fact name="Rows outside of the index">{formatCount(table.unindexedRowCount)}</Fact>
        <Fact name="Vector index">{table.hasVectorIndex ? 'yes' : 'not needed yet'}</Fact>
      </dl>
    </Section>
  );
}
