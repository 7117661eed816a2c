import type { JSX } from 'preact';
import { ask, client, paramOf } from '../../core/api.ts';
import { allowRefusedChanges, dropRefusedChanges } from '../../core/dataset-actions.ts';
import type { DatasetEntry } from '../../core/dataset-entry.ts';
import { formatCount } from '../../core/format.ts';
import { usePages } from '../../core/load.ts';
import type { RefusedChange } from '../../core/types.ts';
import { Button, WriteOnly } from '../../ui/controls.tsx';
import { ListEnd } from '../../ui/more.tsx';
import { Ago, Section } from '../../ui/parts.tsx';

/** Changes that were set aside, as they would have deleted too much at once: a person does or forgets them. */
export function RefusedChanges({ entry }: { readonly entry: DatasetEntry }): JSX.Element | null {
  const { address } = entry;
  const count = entry.status.value.refusedChangeCount;
  const route = client.value.v1.datasets[':project'][':dataset']['refused-changes'];
  const pages = usePages<RefusedChange>(
    (after) => ask(route.$get({ param: paramOf(address), query: { ...(after !== undefined && { after }) } })),
    [address, count],
  );
  if (count === 0) return null;
  return (
    <Section
      title={`Set aside: ${formatCount(count)} ${count === 1 ? 'change' : 'changes'}`}
      actions={
        <WriteOnly>
          <Button kind="danger" onPress={() => allowRefusedChanges(address)}>
            Do them…
          </Button>
          <Button onPress={() => dropRefusedChanges(address)}>Forget them…</Button>
        </WriteOnly>
      }
    >
      <p class="muted">
        They were told to have changed, and would have deleted most documents of a source. Look whether the
        source is in order. What was told after them was read.
      </p>
      <ul>
        {pages.items.value?.map(({ table, id, refusedAt }) => (
          <li key={`${table} ${JSON.stringify(id)}`}>
            <code>
              {table}:{typeof id === 'object' ? JSON.stringify(id) : id}
            </code>{' '}
            <span class="muted">
              <Ago at={refusedAt} />
            </span>
          </li>
        ))}
      </ul>
      <ListEnd pages={pages} empty="None is left." />
    </Section>
  );
}
