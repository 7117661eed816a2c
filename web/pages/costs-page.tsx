import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { ask, client } from '../core/api.ts';
import { useLoaded } from '../core/load.ts';
import { datasetLink } from '../core/router.ts';
import type { CostEntry } from '../core/types.ts';
import { Empty, Notice, Section } from '../ui/parts.tsx';
import { CostTable } from './cost-table.tsx';
import { SpendCaps } from './spend-caps.tsx';

const DAYS_SHOWN = 31;
const DATASETS_SHOWN = 50;

const MODES: Readonly<Record<NonNullable<CostEntry['mode']>, string>> = {
  direct: 'documents, directly',
  batch: 'documents, in batch jobs',
  query: 'queries',
};

/** What embedding has cost, and what it may. */
export function CostsPage(): JSX.Element {
  useEffect(() => {
    document.title = 'Costs · Syncline';
  }, []);
  const { costs } = client.value.v1;
  const read = (by: string, limit: number) =>
    useLoaded(async () => (await ask(costs.$get({ query: { by, limit: String(limit) } }))).items, []);
  const days = read('day', DAYS_SHOWN);
  const modes = read('mode', 10);
  const datasets = read('dataset', DATASETS_SHOWN);
  const isEmpty = days.value.value?.length === 0;
  return (
    <>
      <div class="page-head">
        <h1>Costs</h1>
      </div>
      <SpendCaps />
      {days.problem.value !== undefined && <Notice tone="bad">{days.problem.value}</Notice>}
      {isEmpty && <Empty>Nothing was sent to a provider yet.</Empty>}
      {days.value.value !== undefined && !isEmpty && (
        <>
          <Section title="By what it was for">
            <CostTable
              title="For"
              entries={modes.value.value ?? []}
              nameOf={({ mode }) => (mode === undefined ? '–' : MODES[mode])}
            />
          </Section>
          <Section title="By day">
            <CostTable title="Day (UTC)" entries={days.value.value} nameOf={({ day }) => day ?? '–'} />
          </Section>
          <Section title="By dataset">
            <CostTable
              title="Dataset"
              entries={datasets.value.value ?? []}
              nameOf={({ dataset }) =>
                dataset === undefined ? (
                  'queries over a project'
                ) : (
                  <a href={datasetLink(dataset)}>{dataset}</a>
                )
              }
            />
          </Section>
        </>
      )}
    </>
  );
}
