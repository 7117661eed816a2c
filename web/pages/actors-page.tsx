import { computed, type Signal, signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { STANDINGS, type Standing, standingOf, stateText, toneOf, wordsOf } from '../core/actor-text.ts';
import { type ActorRow, actors, areActorsLoaded, followActors } from '../core/actors.ts';
import { formatCount, plural } from '../core/format.ts';
import { datasetLink, linkTo, path } from '../core/router.ts';
import { Choice } from '../ui/controls.tsx';
import { Ago, Badge, Empty } from '../ui/parts.tsx';
import { ActorDetails } from './actor-details.tsx';

/** Rows of a branch that are drawn at once, however many actors there are. */
const ROWS = 50;

const KINDS: Readonly<Record<string, string>> = {
  dataset: 'Datasets',
  call: 'Explicit calls',
  provider: 'Providers',
  batch: 'Batch jobs',
  scheduler: 'Schedulers',
  watcher: 'Watchers',
};

type StandingFilter = 'all' | Standing;

const FILTERS: Readonly<Record<StandingFilter, string>> = {
  all: 'Any state',
  error: 'error',
  paused: 'paused',
  busy: 'busy',
  ready: 'ready',
  off: 'none of these',
};

const text = signal('');
const standing = signal<StandingFilter>('all');
/** The page that is shown of each branch. */
const pages = signal<Readonly<Record<string, number>>>({});

const shown = computed(() => {
  const wanted = text.value.trim().toLowerCase();
  return [...actors.value.values()].filter(({ value: row }) => {
    if (standing.value !== 'all' && standingOf(row) !== standing.value) return false;
    return wanted === '' || `${row.id} ${row.address ?? ''}`.toLowerCase().includes(wanted);
  });
});

/** The branches of the tree: the kinds of actors, those that are known first. */
const branches = computed(() => {
  const byKind = Map.groupBy(shown.value, ({ value: { id } }) => id.split(':')[0] ?? '');
  byKind.delete('supervisor');
  const known = Object.keys(KINDS);
  const rank = (kind: string): number => (known.includes(kind) ? known.indexOf(kind) : known.length);
  const numberOf = ({ value: { id } }: Signal<ActorRow>): number => Number(id.split(':')[1] ?? 0);
  return [...byKind]
    .sort(([one], [other]) => rank(one) - rank(other))
    .map(([kind, rows]) => ({ kind, rows: rows.toSorted((one, other) => numberOf(one) - numberOf(other)) }));
});

/** The tree of all actors, or one of them. */
export function ActorsPage(): JSX.Element {
  const [, id] = path.value;
  return id === undefined ? <ActorTree /> : <ActorPage key={id} id={id} />;
}

function ActorPage({ id }: { readonly id: string }): JSX.Element {
  useEffect(() => {
    document.title = `${id} · Syncline`;
    return followActors();
  }, [id]);
  const address = actors.value.get(id)?.value.address;
  return (
    <>
      <div class="page-head">
        <h1>{address ?? id}</h1>
        <span class="states muted">
          {address !== undefined && `${id} · `}
          <a href={linkTo(['actors'])}>all machines</a>
          {address !== undefined && (
            <>
              {' · '}
              <a href={datasetLink(address)}>the dataset</a>
            </>
          )}
        </span>
      </div>
      <ActorDetails id={id} />
    </>
  );
}

function ActorTree(): JSX.Element {
  useEffect(() => {
    document.title = 'Machines · Syncline';
    return followActors();
  }, []);
  const supervisor = actors.value.get('supervisor');
  const [datasets, ...others] = splitDatasets();
  return (
    <>
      <div class="page-head">
        <h1>Machines</h1>
        <div class="filters">
          <input
            type="search"
            aria-label="Filter by name"
            placeholder="Filter by name"
            value={text.value}
            onInput={({ currentTarget }) => {
              text.value = currentTarget.value;
              pages.value = {};
            }}
          />
          <Choice
            label="State"
            value={standing.value}
            options={FILTERS}
            onChange={(value) => {
              standing.value = value;
              pages.value = {};
            }}
          />
        </div>
      </div>
      <Counts />
      {!areActorsLoaded.value && <Empty>Loading…</Empty>}
      <ul class="tree">
        {supervisor !== undefined && (
          <li>
            <Row row={supervisor} />
            {datasets !== undefined && (
              <ul>
                <Branch {...datasets} />
              </ul>
            )}
          </li>
        )}
        {others.map((branch) => branch !== undefined && <Branch key={branch.kind} {...branch} />)}
      </ul>
      {areActorsLoaded.value && branches.value.length === 0 && (
        <Empty>{actors.value.size > 1 ? 'No actor fits.' : 'Nothing else runs now.'}</Empty>
      )}
    </>
  );
}

type BranchParts = (typeof branches.value)[number];

/** Datasets are the supervisor's own; all others stand by themselves. */
function splitDatasets(): [BranchParts | undefined, ...(BranchParts | undefined)[]] {
  const all = branches.value;
  return [all.find(({ kind }) => kind === 'dataset'), ...all.filter(({ kind }) => kind !== 'dataset')];
}

/** How many there are of each state; each chooses the filter. */
function Counts(): JSX.Element {
  const all = [...actors.value.values()];
  return (
    <div class="counts">
      {STANDINGS.map((each) => {
        const count = all.filter(({ value }) => standingOf(value) === each).length;
        return (
          count > 0 && (
            <button
              key={each}
              type="button"
              class="button quiet"
              aria-pressed={standing.value === each}
              onClick={() => {
                standing.value = standing.value === each ? 'all' : each;
                pages.value = {};
              }}
            >
              <Badge tone={toneOf(each)}>
                {formatCount(count)} {FILTERS[each]}
              </Badge>
            </button>
          )
        );
      })}
    </div>
  );
}

function Branch({ kind, rows }: BranchParts): JSX.Element {
  const last = Math.max(0, Math.ceil(rows.length / ROWS) - 1);
  const page = Math.min(pages.value[kind] ?? 0, last);
  const from = page * ROWS;
  const turn = (step: number): void => {
    pages.value = { ...pages.value, [kind]: page + step };
  };
  return (
    <li>
      <h2>
        {KINDS[kind] ?? wordsOf(kind)} <span class="muted">{formatCount(rows.length)}</span>
      </h2>
      <ul>
        {rows.slice(from, from + ROWS).map((row) => (
          <li key={row.peek().id}>
            <Row row={row} />
          </li>
        ))}
      </ul>
      {last > 0 && (
        <nav class="pager" aria-label={`Pages of ${KINDS[kind] ?? kind}`}>
          <span>
            {formatCount(from + 1)} to {formatCount(Math.min(rows.length, from + ROWS))} of{' '}
            {plural(rows.length, 'actor')}
          </span>
          <button type="button" class="button" disabled={page === 0} onClick={() => turn(-1)}>
            Previous
          </button>
          <button type="button" class="button" disabled={page === last} onClick={() => turn(1)}>
            Next
          </button>
        </nav>
      )}
    </li>
  );
}

function Row({ row }: { readonly row: Signal<ActorRow> }): JSX.Element {
  const { id, address, value, status, since, ...rest } = row.value;
  const found = standingOf({ ...rest, status });
  return (
    <div class="actor-row">
      <Badge tone={toneOf(found)}>{found === 'off' ? wordsOf(status) : found}</Badge>
      <a href={linkTo(['actors', id])}>{address ?? id}</a>
      <span class="muted">{stateText(value)}</span>
      <span class="muted since">
        <Ago at={since} />
      </span>
    </div>
  );
}
