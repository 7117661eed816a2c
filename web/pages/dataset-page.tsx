import type { ComponentType, JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { deleteDataset, indexNow, pauseDataset, resumeDataset } from '../core/dataset-actions.ts';
import type { DatasetEntry } from '../core/dataset-entry.ts';
import { formatCount } from '../core/format.ts';
import { datasetLink, goTo, linkTo, path } from '../core/router.ts';
import { datasets, isLoaded, touchDataset, watchDataset } from '../core/store.ts';
import type { DatasetStatus } from '../core/types.ts';
import { Button, WriteOnly } from '../ui/controls.tsx';
import { Empty, Notice } from '../ui/parts.tsx';
import { PhaseBadge, SyncBadge } from '../ui/state.tsx';
import { ActorDetails } from './actor-details.tsx';
import { CostsTab } from './dataset/costs.tsx';
import { DocumentsTab } from './dataset/documents.tsx';
import { FailuresTab } from './dataset/failures.tsx';
import { OverviewTab } from './dataset/overview.tsx';
import { SearchTab } from './dataset/search.tsx';
import { SourcesTab } from './dataset/sources.tsx';
import { TableTab } from './dataset/table.tsx';
import { TasksTab } from './dataset/tasks.tsx';

interface Tab {
  readonly label: string;
  readonly body: ComponentType<{ readonly entry: DatasetEntry }>;
  /** Said beside the label, where there is something to say. */
  readonly count?: (status: DatasetStatus) => number;
}

/** By the part of the address that names them; the first is shown without one. */
const TABS: ReadonlyMap<string, Tab> = new Map<string, Tab>([
  ['', { label: 'Overview', body: OverviewTab }],
  ['search', { label: 'Search', body: SearchTab }],
  ['documents', { label: 'Documents', body: DocumentsTab }],
  ['failures', { label: 'Failures', body: FailuresTab, count: ({ counts }) => counts.chunks.failed }],
  ['table', { label: 'Table', body: TableTab }],
  ['sources', { label: 'Sources', body: SourcesTab }],
  ['costs', { label: 'Costs', body: CostsTab }],
  ['tasks', { label: 'Tasks', body: TasksTab }],
  ['machine', { label: 'Machine', body: MachineTab }],
]);

/** One dataset: what it is, how it is, and what can be done about it. */
export function DatasetPage(): JSX.Element {
  const [, project = '', dataset = '', tabName = ''] = path.value;
  const address = `${project}/${dataset}`;
  const entry = datasets.value.get(address);
  useEffect(() => {
    document.title = `${address} · Syncline`;
    touchDataset(address);
    return watchDataset(address);
  }, [address]);
  if (entry === undefined)
    return (
      <>
        <h1>{isLoaded.value ? `There is no dataset ${address}.` : address}</h1>
        {isLoaded.value && <a href={linkTo([])}>All datasets</a>}
      </>
    );
  const tab = TABS.get(tabName);
  return (
    <>
      <Head entry={entry} />
      <nav class="tabs" aria-label={`Parts of ${address}`}>
        {[...TABS].map(([name, { label, count }]) => (
          <a
            key={name}
            href={name === '' ? datasetLink(address) : datasetLink(address, name)}
            aria-current={name === tabName ? 'page' : undefined}
          >
            {label}
            <Count count={count?.(entry.status.value) ?? 0} />
          </a>
        ))}
      </nav>
      {tab === undefined ? <Empty>There is no such page.</Empty> : <tab.body key={address} entry={entry} />}
    </>
  );
}

function MachineTab({ entry }: { readonly entry: DatasetEntry }): JSX.Element {
  return <ActorDetails id={entry.status.value.actorId} />;
}

function Count({ count }: { readonly count: number }): JSX.Element | null {
  return count > 0 ? <span class="count">{formatCount(count)}</span> : null;
}

function Head({ entry }: { readonly entry: DatasetEntry }): JSX.Element {
  const { address } = entry;
  const status = entry.status.value;
  const remove = async (): Promise<void> => {
    if (await deleteDataset(address)) goTo([]);
  };
  return (
    <>
      <div class="page-head">
        <h1>{address}</h1>
        <span class="states">
          <SyncBadge status={status} />
          <PhaseBadge status={status} />
        </span>
        <WriteOnly>
          <div class="actions">
            <Button kind="primary" onPress={() => indexNow(address)}>
              Index now
            </Button>
            {status.phase === 'paused' ? (
              <Button onPress={() => resumeDataset(status)}>Resume</Button>
            ) : (
              <Button onPress={() => pauseDataset(status)} disabled={status.phase === 'notRunning'}>
                Pause
              </Button>
            )}
            <a class="button" href={linkTo(['add'], { to: address })}>
              Add files
            </a>
            <Button kind="danger" onPress={remove}>
              Delete
            </Button>
          </div>
        </WriteOnly>
      </div>
      {status.lastRunError !== undefined && (
        <Notice tone="warn">
          Its last run by schedule failed: <code>{status.lastRunError}</code>.{' '}
          <a href={datasetLink(address, 'sources')}>Sources and schedule</a>
        </Notice>
      )}
      {status.failure !== undefined && (
        <Notice tone={status.phase === 'parked' ? 'bad' : 'warn'}>
          {status.failure.detail} <code>{status.failure.code}</code>
          {status.phase === 'parked' && ' It is tried again when you press "Index now".'}
        </Notice>
      )}
    </>
  );
}
