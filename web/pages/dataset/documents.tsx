import type { JSX } from 'preact';
import { ask, client, paramOf } from '../../core/api.ts';
import type { DatasetEntry } from '../../core/dataset-entry.ts';
import { formatCount } from '../../core/format.ts';
import { usePages } from '../../core/load.ts';
import { linkTo, query } from '../../core/router.ts';
import type { DocumentSummary } from '../../core/types.ts';
import { ListEnd } from '../../ui/more.tsx';
import { Ago } from '../../ui/parts.tsx';
import { DocumentView } from './document.tsx';

/** A dataset's documents; with a key in the address, one of them with its chunks. */
export function DocumentsTab({ entry }: { readonly entry: DatasetEntry }): JSX.Element {
  const { address } = entry;
  const key = query.value.get('key');
  const source = query.value.get('source') ?? 'default';
  if (key !== null)
    return <DocumentView key={`${source} ${key}`} entry={entry} source={source} documentKey={key} />;
  return <DocumentList address={address} count={entry.status.value.counts.documents} />;
}

function DocumentList({ address, count }: { readonly address: string; readonly count: number }): JSX.Element {
  const route = client.value.v1.datasets[':project'][':dataset'].documents;
  const pages = usePages<DocumentSummary>(
    (after) => ask(route.$get({ param: paramOf(address), query: { limit: '100', ...(after && { after }) } })),
    [address, count],
  );
  const documents = pages.items.value ?? [];
  return (
    <>
      {documents.length > 0 && (
        <table class="table stack">
          <thead>
            <tr>
              <th scope="col">Document</th>
              <th scope="col">Title</th>
              <th scope="col">Source</th>
              <th scope="col" class="number">
                Characters
              </th>
              <th scope="col">Changed</th>
            </tr>
          </thead>
          <tbody>
            {documents.map(({ source, key, title, contentLength, changedAt }) => (
              <tr key={`${source} ${key}`}>
                <th scope="row">
                  <a href={linkTo(['datasets', ...address.split('/'), 'documents'], { source, key })}>
                    {key}
                  </a>
                </th>
                <td data-label="Title">{title === '' ? <span class="muted">–</span> : title}</td>
                <td data-label="Source" class="muted">
                  {source}
                </td>
                <td data-label="Characters" class="number">
                  {formatCount(contentLength)}
                </td>
                <td data-label="Changed">
                  <Ago at={changedAt} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <ListEnd
        pages={pages}
        empty="There is no document yet. Those that wait to be taken in are not listed."
      />
    </>
  );
}
