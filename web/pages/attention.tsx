import type { ComponentChildren, JSX } from 'preact';
import { dismissRuns, openFailure } from '../core/failed-runs.ts';
import { plural } from '../core/format.ts';
import { liveState } from '../core/live.ts';
import { datasetLink, linkTo } from '../core/router.ts';
import { datasets, isLoaded, runtime } from '../core/store.ts';
import { Button } from '../ui/controls.tsx';
import { Ago, Notice, type Tone } from '../ui/parts.tsx';
import { syncStateOf } from '../ui/state.tsx';

interface Concern {
  readonly key: string;
  readonly tone: Tone;
  readonly text: ComponentChildren;
  readonly actions?: ComponentChildren;
}

/** Datasets that are named in a banner. */
const NAMED_MAX = 3;

/** What needs a person, above every page. */
export function Attention(): JSX.Element | null {
  const concerns = [...connection(), ...foundations(), ...ofDatasets(), ...ofRuns()];
  return (
    <div class="attention" role="status">
      {concerns.map(({ key, tone, text, actions }) => (
        <Notice key={key} tone={tone} actions={actions}>
          {text}
        </Notice>
      ))}
    </div>
  );
}

function connection(): Concern[] {
  if (liveState.value !== 'reconnecting') return [];
  return [
    {
      key: 'connection',
      tone: 'warn',
      text: 'The server does not answer. Reconnecting; what you see may be old.',
    },
  ];
}

const SUBJECTS: Readonly<Record<string, string>> = {
  catalog: 'The catalog',
  lease: 'The worker',
  provider: 'The embedding provider',
  disk: 'The disk',
  spend: 'Spending',
  watching: 'Watched sources',
};

function foundations(): Concern[] {
  const wrong = runtime.value?.checks.filter(({ isOk }) => !isOk) ?? [];
  const concerns = wrong.map(
    ({ subject, detail, code }): Concern => ({
      key: subject,
      tone: 'bad',
      text: (
        <>
          <b>{SUBJECTS[subject] ?? subject}:</b> {detail} {code !== undefined && <code>{code}</code>}{' '}
          {subject === 'provider' && <a href={linkTo(['providers'])}>How it stands</a>}
        </>
      ),
    }),
  );
  const { state, hasCatalog, hasWorker } = runtime.value ?? {};
  if (state === 'notStarted' && hasCatalog && !hasWorker)
    concerns.push({
      key: 'worker',
      tone: 'warn',
      text: 'No worker runs: nothing is indexed until one is started.',
    });
  if (state === 'paused')
    concerns.push({
      key: 'paused',
      tone: 'warn',
      text: 'Everything is paused: changes are taken in and wait.',
    });
  return concerns;
}

function ofDatasets(): Concern[] {
  if (!isLoaded.value) return [];
  const parked: string[] = [];
  const differing: string[] = [];
  const refused: string[] = [];
  for (const [address, { status }] of datasets.value) {
    if (status.value.refusedChangeCount > 0) refused.push(address);
    if (status.value.phase === 'parked') parked.push(address);
    else if (syncStateOf(status.value) === 'out of sync') differing.push(address);
  }
  return [
    ...concernOf('parked', parked, 'failed too often and wait for you'),
    ...concernOf('differing', differing, 'differ from what the catalog says'),
    ...concernOf(
      'refused',
      refused,
      'would lose most documents of a source by changes that were set aside: do or forget them',
      'sources',
    ),
  ];
}

/** Runs that failed and that nobody has dismissed. */
function ofRuns(): Concern[] {
  const failed = [...datasets.value.values()].flatMap(({ address, status }) => {
    const run = openFailure(status.value);
    return run === undefined ? [] : [{ address, run }];
  });
  const named = failed.slice(0, NAMED_MAX).map(({ address, run }): Concern => {
    const { id, kind, finishedAt, failure } = run;
    return {
      key: `run ${id}`,
      tone: 'bad',
      text: (
        <>
          <a href={datasetLink(address, 'tasks')}>{address}</a>: {kind} failed <Ago at={finishedAt} />.{' '}
          {failure?.detail} {failure !== undefined && <code>{failure.code}</code>}
        </>
      ),
      actions: (
        <Button onPress={() => dismissRuns([run])} label={`Dismiss that ${kind} of ${address} failed`}>
          Dismiss
        </Button>
      ),
    };
  });
  const more = failed.slice(NAMED_MAX);
  if (more.length === 0) return named;
  const rest: Concern = {
    key: 'more runs',
    tone: 'bad',
    text: `The newest runs of ${plural(more.length, 'other dataset')} failed as well.`,
    actions: (
      <Button onPress={() => dismissRuns(failed.map(({ run }) => run))} label="Dismiss all failed runs">
        Dismiss all
      </Button>
    ),
  };
  return [...named, rest];
}

/** @param tab - Where a dataset tells about it; without one, on its first page. */
function concernOf(key: string, addresses: readonly string[], what: string, ...tab: string[]): Concern[] {
  if (addresses.length === 0) return [];
  const more = addresses.length - NAMED_MAX;
  return [
    {
      key,
      tone: 'bad',
      text: (
        <>
          {addresses.slice(0, NAMED_MAX).map((address, place) => (
            <span key={address}>
              {place > 0 && ', '}
              <a href={datasetLink(address, ...tab)}>{address}</a>
            </span>
          ))}
          {more > 0 && ` and ${more} more`} {what}.
        </>
      ),
    },
  ];
}
