import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { ask, client, messageOf, paramOf } from '../core/api.ts';
import type { DatasetEntry } from '../core/dataset-entry.ts';
import { plural } from '../core/format.ts';
import { highlight } from '../core/highlight.ts';
import { linkTo } from '../core/router.ts';
import type { SearchHit } from '../core/types.ts';
import { Choice } from '../ui/controls.tsx';
import { Empty, Notice } from '../ui/parts.tsx';
import { type Condition, ConditionEditor, filterOf } from './search-filter.tsx';

type Mode = 'hybrid' | 'vector' | 'text';

const MODES: Readonly<Record<Mode, string>> = {
  hybrid: 'By meaning and words',
  vector: 'By meaning',
  text: 'By words',
};

interface Found {
  readonly query: string;
  readonly hits: readonly SearchHit[];
  readonly tookMs: number;
}

/** A search box over one dataset, with what it found. */
export function SearchPanel({
  entry,
  first = '',
}: {
  readonly entry: DatasetEntry;
  readonly first?: string;
}): JSX.Element {
  const { address, status } = entry;
  const wanted = useSignal(first);
  const mode = useSignal<Mode>('hybrid');
  const conditions = useSignal<readonly Condition[]>([]);
  const found = useSignal<Found | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);
  const asked = useSignal(0);
  const search = async (): Promise<void> => {
    const query = wanted.peek().trim();
    if (query === '') return;
    const own = asked.peek() + 1;
    asked.value = own;
    const beganMs = performance.now();
    try {
      const filter = filterOf(conditions.peek(), status.peek().fields);
      const json = { query, mode: mode.peek(), ...(filter && { filter }) };
      const route = client.value.v1.datasets[':project'][':dataset'].search;
      const { results } = await ask(route.$post({ param: paramOf(address), json }));
      if (asked.peek() !== own) return;
      found.value = { query, hits: results, tookMs: performance.now() - beganMs };
      problem.value = undefined;
    } catch (error) {
      problem.value = messageOf(error);
    }
  };
  useEffect(() => {
    if (first !== '') void search();
  }, [first]);
  const submit = (event: Event): void => {
    event.preventDefault();
    void search();
  };
  return (
    <div class="search">
      <form onSubmit={submit}>
        <div class="search-row">
          <input
            id="search-query"
            type="search"
            aria-label={`Search ${address}`}
            placeholder="What are you looking for?"
            value={wanted.value}
            onInput={({ currentTarget }) => {
              wanted.value = currentTarget.value;
            }}
          />
          <Choice
            label="How to search"
            value={mode.value}
            options={MODES}
            onChange={(value) => {
              mode.value = value;
              void search();
            }}
          />
          <button type="submit" class="button primary">
            Search
          </button>
        </div>
        <ConditionEditor fields={status.value.fields} conditions={conditions} />
      </form>
      {problem.value !== undefined && <Notice tone="bad">{problem.value}</Notice>}
      {found.value !== undefined && <Hits found={found.value} />}
    </div>
  );
}

function Hits({ found }: { readonly found: Found }): JSX.Element {
  const { hits, query, tookMs } = found;
  if (hits.length === 0) return <Empty>Nothing was found.</Empty>;
  const best = Math.max(...hits.map(({ score }) => score), Number.EPSILON);
  return (
    <>
      <p class="muted" role="status">
        {plural(hits.length, 'passage')} in {Math.round(tookMs)} ms
      </p>
      <ol class="hits">
        {hits.map((hit) => (
          <Hit key={hit.chunkId} hit={hit} query={query} share={hit.score / best} />
        ))}
      </ol>
    </>
  );
}

function Hit({
  hit,
  query,
  share,
}: {
  readonly hit: SearchHit;
  readonly query: string;
  readonly share: number;
}): JSX.Element {
  const { dataset, source, key, chunkId, context, text, score, vectorScore, textScore } = hit;
  return (
    <li class="card">
      <div class="hit-head">
        <a
          href={linkTo(['datasets', ...dataset.split('/'), 'documents'], {
            source,
            key,
            chunk: String(chunkId),
          })}
        >
          {key}
        </a>
        <span class="scores muted">
          <span class="score" title="Compared with the best of this answer">
            <span style={{ width: `${Math.round(share * 100)}%` }} />
          </span>
          <b class="best">{score.toFixed(4)}</b>
          {vectorScore !== undefined && <span>meaning {vectorScore.toFixed(3)}</span>}
          {textScore !== undefined && <span>words {textScore.toFixed(2)}</span>}
        </span>
      </div>
      {context !== '' && <p class="context">{context.split('\n').filter(Boolean).join(' › ')}</p>}
      <p class="passage">
        {highlight(text, query).map(({ text: part, isHit }, place) =>
          isHit ? <mark key={place}>{part}</mark> : part,
        )}
      </p>
    </li>
  );
}
