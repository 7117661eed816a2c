import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { attempt, confirm } from '../../core/actions.ts';
import { ask, client, paramOf } from '../../core/api.ts';
import type { DatasetEntry } from '../../core/dataset-entry.ts';
import { formatCount, plural } from '../../core/format.ts';
import { useLoaded, usePages } from '../../core/load.ts';
import { datasetLink, goTo, query } from '../../core/router.ts';
import { touchDataset } from '../../core/store.ts';
import type { Chunk } from '../../core/types.ts';
import { Button, WriteOnly } from '../../ui/controls.tsx';
import { ListEnd } from '../../ui/more.tsx';
import { Ago, Badge, Empty, Fact, Notice, type Tone } from '../../ui/parts.tsx';

/** A document with its chunks, as they are embedded. */
export function DocumentView({
  entry,
  source,
  documentKey,
}: {
  readonly entry: DatasetEntry;
  readonly source: string;
  readonly documentKey: string;
}): JSX.Element {
  const { address } = entry;
  const param = { ...paramOf(address), key: encodeURIComponent(documentKey) };
  const route = client.value.v1.datasets[':project'][':dataset'].documents[':key'];
  const { counts } = entry.status.value;
  const document = useLoaded(() => ask(route.$get({ param, query: { source } })), [counts.documents]);
  const pages = usePages<Chunk>(
    (after) => ask(route.chunks.$get({ param, query: { source, limit: '100', ...(after && { after }) } })),
    [counts.indexedChunks, counts.chunks.pending, counts.chunks.failed],
  );
  const found = document.value.value;
  if (document.problem.value !== undefined) return <Notice tone="bad">{document.problem.value}</Notice>;
  if (found === undefined) return <Empty>Loading…</Empty>;
  const remove = async (): Promise<void> => {
    if (await removeDocument(address, source, documentKey))
      goTo(['datasets', ...address.split('/'), 'documents']);
  };
  return (
    <>
      <div class="tab-head">
        <h2>
          <a href={datasetLink(address, 'documents')}>Documents</a> / {documentKey}
        </h2>
        <WriteOnly>
          <Button kind="danger" onPress={remove}>
            Delete document
          </Button>
        </WriteOnly>
      </div>
      <dl class="card facts">
        <Fact name="Title">{found.title === '' ? '–' : found.title}</Fact>
        <Fact name="Source">{found.source}</Fact>
        <Fact name="Format">{found.format}</Fact>
        <Fact name="Characters">{formatCount(found.contentLength)}</Fact>
        <Fact name="Revision">{formatCount(found.revision)}</Fact>
        <Fact name="Changed">
          <Ago at={found.changedAt} />
        </Fact>
        <Fact name="Metadata">
          <code>{JSON.stringify(found.metadata)}</code>
        </Fact>
      </dl>
      <ol class="chunk-list">
        {(pages.items.value ?? []).map((chunk) => (
          <ChunkItem key={chunk.chunkId} chunk={chunk} />
        ))}
      </ol>
      <ListEnd pages={pages} empty="It has no chunks: there is no text in it." />
    </>
  );
}

function stateOf({ status, isIndexed }: Chunk): readonly [string, Tone] {
  if (status === 'failed') return ['failed', 'bad'];
  if (status === 'pending') return ['pending', 'still'];
  return isIndexed ? ['indexed', 'ok'] : ['embedded, being written', 'busy'];
}

function ChunkItem({ chunk }: { readonly chunk: Chunk }): JSX.Element {
  const { chunkId, ordinal, start, end, tokenCount, text, attemptCount, lastError } = chunk;
  const [state, tone] = stateOf(chunk);
  const isWanted = query.value.get('chunk') === String(chunkId);
  const id = `chunk-${chunkId}`;
  useEffect(() => {
    if (isWanted) document.getElementById(id)?.scrollIntoView({ block: 'center' });
  }, [isWanted, id]);
  return (
    <li id={id} class={isWanted ? 'card wanted' : 'card'}>
      <div class="chunk-head">
        <b>Chunk {ordinal + 1}</b>
        <Badge tone={tone}>{state}</Badge>
        <span class="muted">
          {formatCount(tokenCount)} tokens, characters {formatCount(start)} to {formatCount(end)}
        </span>
      </div>
      {lastError !== undefined && (
        <p class="problem">
          Refused {plural(attemptCount, 'time')}: {lastError}
        </p>
      )}
      <pre>{text}</pre>
    </li>
  );
}

async function removeDocument(address: string, source: string, key: string): Promise<boolean> {
  const isSure = await confirm({
    title: 'Delete this document?',
    text: `${key} is removed from the catalog and from the table. Its vectors stay in the catalog, as they are paid for.`,
    action: 'Delete',
    isDanger: true,
  });
  if (!isSure) return false;
  const route = client.value.v1.datasets[':project'][':dataset'].documents.delete;
  const json = { keys: [{ key, source }] };
  const isDone = await attempt(
    `Deleting ${key}`,
    () => ask(route.$post({ param: paramOf(address), query: { wait: '10' }, json })),
    `${key} was deleted.`,
  );
  touchDataset(address);
  return isDone;
}
