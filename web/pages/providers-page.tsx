import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { attempt } from '../core/actions.ts';
import { ask, client } from '../core/api.ts';
import { formatCount } from '../core/format.ts';
import { onLive } from '../core/live.ts';
import { useLoaded } from '../core/load.ts';
import { runtime } from '../core/store.ts';
import type { Provider } from '../core/types.ts';
import { Button, WriteOnly } from '../ui/controls.tsx';
import { Ago, Badge, Empty, Fact, Notice, type Tone } from '../ui/parts.tsx';

const REFRESH_MS = 3_000;

const TONES: Readonly<Record<Provider['state'], Tone>> = {
  available: 'ok',
  throttled: 'warn',
  unavailable: 'bad',
  probing: 'busy',
};

/** Who embeds, and how each stands. */
export function ProvidersPage(): JSX.Element {
  const providers = useLoaded(async () => (await ask(client.value.v1.providers.$get())).items, []);
  useEffect(() => {
    document.title = 'Providers · Syncline';
    const timer = setInterval(() => {
      if (!document.hidden) void providers.reload();
    }, REFRESH_MS);
    const stop = onLive(({ type, data }) => {
      if (type === 'snapshot' || data.type === 'provider.state') void providers.reload();
    });
    return () => {
      clearInterval(timer);
      stop();
    };
  }, []);
  const found = providers.value.value;
  return (
    <>
      <div class="page-head">
        <h1>Providers</h1>
      </div>
      {runtime.value !== undefined && <p class="muted">New datasets: {runtime.value.embedder}.</p>}
      {providers.problem.value !== undefined && <Notice tone="bad">{providers.problem.value}</Notice>}
      {found?.length === 0 && <Empty>No provider was asked for anything since the server started.</Empty>}
      <div class="cards">
        {found?.map((provider) => (
          <ProviderCard key={provider.id} provider={provider} reload={providers.reload} />
        ))}
      </div>
    </>
  );
}

function ProviderCard({
  provider,
  reload,
}: {
  readonly provider: Provider;
  readonly reload: () => Promise<void>;
}): JSX.Element {
  const { id, state, seenBy, seenAt, failure, failedAt, waitUntil } = provider;
  const retry = async (): Promise<void> => {
    const { events } = client.value.v1.actors[':id'];
    await attempt(`Trying ${provider.provider} again`, () =>
      ask(events.$post({ param: { id }, json: { type: 'provider.retry' } })),
    );
    await reload();
  };
  return (
    <section class="card provider">
      <div class="tab-head">
        <h2>{provider.provider}</h2>
        <Badge tone={TONES[state]}>{state}</Badge>
      </div>
      {failure !== undefined && (
        <Notice
          tone={state === 'available' ? 'still' : TONES[state]}
          actions={
            state !== 'available' &&
            seenBy === 'here' && (
              <WriteOnly>
                <Button onPress={retry}>Try again now</Button>
              </WriteOnly>
            )
          }
        >
          {failure.detail} <code>{failure.code}</code>
          {failedAt !== undefined && (
            <>
              , <Ago at={failedAt} />
            </>
          )}
          {waitUntil !== undefined && (
            <>
              ; next try <Ago at={waitUntil} />
            </>
          )}
        </Notice>
      )}
      {seenBy === 'worker' && <p class="muted">As the worker on this catalog, another process, sees it.</p>}
      {seenBy === 'formerWorker' && (
        <p class="muted">
          As a worker that has ended saw it, <Ago at={seenAt} />; nobody asks it now.
        </p>
      )}
      <Traffic provider={provider} />
    </section>
  );
}

/** What it is sent, where this server sends it. */
function Traffic({ provider }: { readonly provider: Provider }): JSX.Element | null {
  const { inFlight, inFlightMax = 0, waitingDocumentRequests = 0, waitingQueries = 0 } = provider;
  const { requestCount = 0, lastAnswerAt, models = [] } = provider;
  if (inFlight === undefined) return null;
  return (
    <>
      <dl class="facts">
        <Fact name="In flight">
          {formatCount(inFlight)} of at most {formatCount(inFlightMax)}
        </Fact>
        <Fact name="Waiting">{formatCount(waitingDocumentRequests + waitingQueries)}</Fact>
        <Fact name="Requests since the start">{formatCount(requestCount)}</Fact>
        <Fact name="Last answer">
          <Ago at={lastAnswerAt} />
        </Fact>
      </dl>
      {models.length > 0 && (
        <ul class="models">
          {models.map((model) => (
            <li key={model.model}>
              <code>{model.model}</code>{' '}
              <span class="muted">
                {formatCount(model.itemsPerRequestMax)} texts and {formatCount(model.tokensPerRequestMax)}{' '}
                tokens a request
                {model.requestsPerMinute !== undefined &&
                  `, ${formatCount(model.requestsPerMinute)} requests a minute`}
                {model.tokensPerMinute !== undefined &&
                  `, ${formatCount(model.tokensPerMinute)} tokens a minute`}
              </span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
