import type { JSX } from 'preact';
import { ask, client, paramOf } from '../../core/api.ts';
import { checkTable, rebuildTable, repairTable } from '../../core/dataset-actions.ts';
import type { DatasetEntry } from '../../core/dataset-entry.ts';
import { formatCount, formatDuration } from '../../core/format.ts';
import { useLoaded } from '../../core/load.ts';
import type { CheckReport } from '../../core/types.ts';
import { Button, WriteOnly } from '../../ui/controls.tsx';
import { Ago, Badge, Empty, Fact, Notice, Section } from '../../ui/parts.tsx';

/** What the newest comparison of table and catalog has found, and what can be done about it. */
export function SyncCheck({ entry }: { readonly entry: DatasetEntry }): JSX.Element {
  const { address } = entry;
  const { lastCheck } = entry.status.value;
  // Asking for a report that is not there would be an error.
  const report = useLoaded<CheckReport | null>(
    () => (lastCheck === undefined ? Promise.resolve(null) : readReport(address)),
    [address, lastCheck?.checkedAt],
  );
  const found = report.value.value;
  return (
    <Section
      title="Sync check"
      actions={
        <WriteOnly>
          <Button onPress={() => checkTable(address, 'rows')}>Check rows</Button>
          <Button onPress={() => checkTable(address, 'deep')}>Check vectors, too</Button>
          <Button onPress={() => repairTable(address)}>Repair</Button>
          <Button onPress={() => rebuildTable(address)}>Rebuild</Button>
        </WriteOnly>
      }
    >
      {report.problem.value !== undefined && <Notice tone="bad">{report.problem.value}</Notice>}
      {found === null && (
        <Empty>
          Nobody has asked for a check since the server started. Version and row count are compared at every
          start.
        </Empty>
      )}
      {found && <Report report={found} />}
    </Section>
  );
}

function readReport(address: string): Promise<CheckReport> {
  return ask(client.value.v1.datasets[':project'][':dataset'].check.$get({ param: paramOf(address) }));
}

const KINDS: readonly (readonly [Exclude<keyof CheckReport, 'reason' | 'table'>, string])[] = [
  ['missing', 'in the catalog, not in the table'],
  ['extra', 'in the table, not in the catalog'],
  ['duplicate', 'more than once in the table'],
  ['stale', 'of an older text or metadata'],
  ['vectorless', 'without a vector'],
  ['wrongDimension', 'with a vector of the wrong length'],
  ['wrongVector', 'with another vector than the catalog has'],
  ['unembedded', 'ready by the catalog, which has no vector for them'],
];

const REMEDIES: Readonly<Record<CheckReport['proposal'], string>> = {
  none: 'nothing is to be done',
  putBack: 'going back to the last mark',
  repair: 'a repair in place',
  rebuild: 'a rebuild',
};

function Report({ report }: { readonly report: CheckReport }): JSX.Element {
  const { inSync, level, checkedAt, durationMs, catalogRowCount, tableRowCount, proposal, repaired } = report;
  const findings = KINDS.flatMap(([kind, text]) => {
    const finding = report[kind];
    return typeof finding === 'object' && finding.count > 0 ? [{ kind, text, ...finding }] : [];
  });
  return (
    <div class="card report">
      <p>
        <Badge tone={inSync ? 'ok' : 'bad'}>{inSync ? 'in sync' : 'out of sync'}</Badge>{' '}
        <Ago at={checkedAt} />, level {level}, in {formatDuration(durationMs)}
      </p>
      <dl class="facts">
        <Fact name="Rows by the catalog">{formatCount(catalogRowCount)}</Fact>
        <Fact name="Rows in the table">{formatCount(tableRowCount)}</Fact>
        <Fact name="What puts it right">{REMEDIES[proposal]}</Fact>
        {repaired !== 'none' && <Fact name="What was done">{REMEDIES[repaired]}</Fact>}
      </dl>
      {report.reason !== undefined && <p>{report.reason}</p>}
      {findings.length > 0 && (
        <ul>
          {findings.map(({ kind, text, count, firstChunkIds }) => (
            <li key={kind}>
              <b>{formatCount(count)}</b> {text}
              {firstChunkIds.length > 0 && (
                <span class="muted"> (chunks {firstChunkIds.slice(0, 10).join(', ')})</span>
              )}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
