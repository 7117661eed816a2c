import type { JSX } from 'preact';
import { ask, client, paramOf } from '../../core/api.ts';
import { retryFailures } from '../../core/dataset-actions.ts';
import type { DatasetEntry } from '../../core/dataset-entry.ts';
import { usePages } from '../../core/load.ts';
import { linkTo } from '../../core/router.ts';
import type { FailedChunk } from '../../core/types.ts';
import { Button, WriteOnly } from '../../ui/controls.tsx';
import { ListEnd } from '../../ui/more.tsx';

/** Chunks that were given up, and why. */
export function FailuresTab({ entry }: { readonly entry: DatasetEntry }): JSX.Element {
  const { address } = entry;
  const route = client.value.v1.datasets[':project'][':dataset'].failures;
  const pages = usePages<FailedChunk>(
    (after) => ask(route.$get({ param: paramOf(address), query: after === undefined ? {} : { after } })),
    [address, entry.status.value.counts.chunks.failed],
  );
  const failed = pages.items.value ?? [];
  return (
    <>
      {failed.length > 0 && (
        <>
          <div class="tab-head">
            <p class="muted">
              Their provider refused these texts each time; everything else is searchable. Change the
              document, or try again.
            </p>
            <WriteOnly>
              <Button kind="primary" onPress={() => retryFailures(address)}>
                Retry all
              </Button>
            </WriteOnly>
          </div>
          <table class="table stack">
            <thead>
              <tr>
                <th scope="col">Document</th>
                <th scope="col" class="number">
                  Chunk
                </th>
                <th scope="col" class="number">
                  Attempts
                </th>
                <th scope="col">What the provider said</th>
                <th scope="col">
                  <span class="hidden">What can be done</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {failed.map(({ chunkId, source, key, ordinal, attemptCount, lastError }) => (
                <tr key={chunkId}>
                  <th scope="row">
                    <a
                      href={linkTo(['datasets', ...address.split('/'), 'documents'], {
                        source,
                        key,
                        chunk: String(chunkId),
                      })}
                    >
                      {key}
                    </a>
                  </th>
                  <td data-label="Chunk" class="number">
                    {ordinal + 1}
                  </td>
                  <td data-label="Attempts" class="number">
                    {attemptCount}
                  </td>
                  <td data-label="Error">{lastError}</td>
                  <td class="end">
                    <WriteOnly>
                      <Button
                        onPress={() => retryFailures(address, chunkId)}
                        label={`Retry chunk ${ordinal + 1} of ${key}`}
                      >
                        Retry
                      </Button>
                    </WriteOnly>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
      <ListEnd pages={pages} empty="No chunk was given up." />
    </>
  );
}
