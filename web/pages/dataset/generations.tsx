import type { JSX } from 'preact';
import { cancelSwitch, rollBack } from '../../core/dataset-actions.ts';
import type { DatasetEntry } from '../../core/dataset-entry.ts';
import { formatCount } from '../../core/format.ts';
import { Button, WriteOnly } from '../../ui/controls.tsx';
import { Ago, Badge, Empty, Notice, Section } from '../../ui/parts.tsx';

/** The table that serves, and those that can serve again. */
export function Generations({ entry }: { readonly entry: DatasetEntry }): JSX.Element {
  const { address } = entry;
  const { table, earlierTables, reconfiguringTo, phase, profile } = entry.status.value;
  const isSwitching = reconfiguringTo !== undefined || phase === 'rebuilding';
  return (
    <Section
      title="Generations"
      actions={
        isSwitching && (
          <WriteOnly>
            <Button onPress={() => cancelSwitch(address)}>Cancel the switch</Button>
          </WriteOnly>
        )
      }
    >
      {reconfiguringTo !== undefined && (
        <Notice tone="busy">
          On the way to <code>{reconfiguringTo.profile}</code>; the present table serves until then.
        </Notice>
      )}
      {table === undefined ? (
        <Empty>There is no table yet: the first documents make it.</Empty>
      ) : (
        <table class="table stack">
          <thead>
            <tr>
              <th scope="col">Table</th>
              <th scope="col">State</th>
              <th scope="col" class="number">
                Rows
              </th>
              <th scope="col">Served until</th>
              <th scope="col">
                <span class="hidden">What can be done</span>
              </th>
            </tr>
          </thead>
          <tbody>
            <tr>
              <th scope="row">
                <code>{table.name}</code>
              </th>
              <td data-label="State">
                <Badge tone="ok">serves</Badge>{' '}
                <span class="muted">
                  version {formatCount(table.version)}, {profile}
                </span>
              </td>
              <td data-label="Rows" class="number">
                {formatCount(table.rowCount)}
              </td>
              <td data-label="Served until">now</td>
              <td />
            </tr>
            {earlierTables.map(({ name, rowCount, servedUntil }) => (
              <tr key={name}>
                <th scope="row">
                  <code>{name}</code>
                </th>
                <td data-label="State">
                  <Badge tone="still">kept</Badge>
                </td>
                <td data-label="Rows" class="number">
                  {formatCount(rowCount)}
                </td>
                <td data-label="Served until">
                  <Ago at={servedUntil} />
                </td>
                <td class="end">
                  <WriteOnly>
                    <Button onPress={() => rollBack(address, name)} label={`Roll back to ${name}`}>
                      Roll back
                    </Button>
                  </WriteOnly>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Section>
  );
}
