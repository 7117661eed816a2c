import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import { downloadDefinition, labelOf, questionOf, sendControl } from '../core/actor-actions.ts';
import { activeIdsOf, eventText, standingOf, stateText, toneOf } from '../core/actor-text.ts';
import { machineOf, type Transition, transitionOf } from '../core/actors.ts';
import { ask, client, ProblemError, SERVER_URL } from '../core/api.ts';
import { onLive } from '../core/live.ts';
import { useLoaded } from '../core/load.ts';
import { createPacer } from '../core/pace.ts';
import type { Actor } from '../core/types.ts';
import { Button, WriteOnly } from '../ui/controls.tsx';
import { Ago, Badge, Fact, Notice, Section } from '../ui/parts.tsx';
import { StateChart, type Trace } from '../ui/state-chart.tsx';
import { ContextFacts } from './actor-context.tsx';

/** As many as the server remembers. */
const HISTORY_MAX = 64;
/** What an actor remembers is read anew so long after something has happened. */
const REFRESH_MS = 300;

/** One actor, live: how it stands, its machine, what can be done, what it remembers, and what it did. */
export function ActorDetails({ id }: { readonly id: string }): JSX.Element {
  const machine = machineOf(id);
  const history = useSignal<readonly Transition[]>([]);
  const trace = useSignal<Trace | undefined>(undefined);
  /** Where it is, from the newest that was told. */
  const value = useSignal<Actor['value'] | undefined>(undefined);
  const pacer = useMemo(
    () =>
      createPacer<Transition>((transition) => {
        value.value = transition.to;
        trace.value = transition;
        const others = history.peek().filter((item) => !isSame(item, transition));
        history.value = [transition, ...others].slice(0, HISTORY_MAX);
      }),
    [id],
  );
  const actor = useLoaded(async () => {
    try {
      const found = await ask(client.value.v1.actors[':id'].$get({ param: { id } }));
      // What is shown of a burst comes to the same in the end.
      if (!pacer.isBusy) value.value = found.value;
      return found;
    } catch (error) {
      if (!(error instanceof ProblemError && error.code === 'ACTOR_NOT_FOUND')) throw error;
      value.value = undefined;
      return undefined;
    }
  }, [id]);

  useEffect(() => {
    const readHistory = async (): Promise<void> => {
      const items = await historyOf(id);
      history.value = items;
      trace.value = items[0];
    };
    const refresh = createRefresh(actor.reload);
    const stop = onLive((event) => {
      const transition = transitionOf(event);
      if (event.type === 'snapshot') {
        void readHistory();
        refresh.soon();
      } else if (transition?.actorId === id) {
        pacer.add(transition);
        refresh.soon();
      } else if (event.data.address !== undefined && event.data.address === actor.value.peek()?.address) {
        refresh.soon();
      }
    });
    void readHistory();
    return () => {
      stop();
      pacer.end();
      refresh.end();
    };
  }, [id]);

  const found = actor.value.value;
  const lit =
    found?.status === 'active' && value.value !== undefined ? activeIdsOf(machine, value.value) : [];
  return (
    <>
      {actor.problem.value !== undefined && <Notice tone="bad">{actor.problem.value}</Notice>}
      {found === undefined ? (
        <Notice tone="still">
          {id} has no actor at the moment: this is its machine. Actors come with the work; they all do when
          the worker starts.
        </Notice>
      ) : (
        <Standing
          actor={found}
          value={value.value ?? found.value}
          since={history.value[0]?.at ?? found.since}
        />
      )}
      {found !== undefined && <Controls actor={found} onSent={actor.reload} />}
      <StateChart machine={machine} activeIds={lit} trace={trace.value} />
      <div class="actor-parts">
        <Section title="History">
          <History
            items={history.value}
            shown={trace.value}
            onShow={(item) => {
              trace.value = { edgeIds: item.edgeIds };
            }}
          />
        </Section>
        {found?.context !== undefined && (
          <Section title="What it remembers">
            <ContextFacts context={found.context} />
          </Section>
        )}
        <Elsewhere id={id} machine={machine} isThere={found !== undefined} />
      </div>
    </>
  );
}

/** The history that was read may tell what the stream tells, too. */
function isSame(one: Transition, other: Transition): boolean {
  return one.at === other.at && one.event === other.event && stateText(one.to) === stateText(other.to);
}

async function historyOf(id: string): Promise<readonly Transition[]> {
  try {
    const { items } = await ask(client.value.v1.actors[':id'].history.$get({ param: { id } }));
    return items as readonly Transition[];
  } catch (error) {
    if (error instanceof ProblemError || error instanceof TypeError) return [];
    throw error;
  }
}

/** Once, soon, however often it was asked for. */
function createRefresh(reload: () => Promise<void>) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    soon(): void {
      timer ??= setTimeout(() => {
        timer = undefined;
        void reload();
      }, REFRESH_MS);
    },
    end: (): void => clearTimeout(timer),
  };
}

function Standing({
  actor,
  value,
  since,
}: {
  readonly actor: Actor;
  readonly value: Actor['value'];
  readonly since: string | undefined;
}): JSX.Element {
  const standing = standingOf(actor);
  return (
    <dl class="card facts">
      <Fact name="State">
        <span data-testid="state">{stateText(value)}</span>
      </Fact>
      <Fact name="Tag">
        <Badge tone={toneOf(standing)}>{standing === 'off' ? actor.status : standing}</Badge>
      </Fact>
      <Fact name="In this state since">
        <Ago at={since} />
      </Fact>
      <Fact name="Runs">{actor.invoked.length === 0 ? 'nothing' : actor.invoked.join(', ')}</Fact>
    </dl>
  );
}

function Controls({
  actor,
  onSent,
}: {
  readonly actor: Actor;
  readonly onSent: () => Promise<void>;
}): JSX.Element {
  const send = async (event: Actor['nextEvents'][number]): Promise<void> => {
    if (await sendControl(actor, event)) await onSent();
  };
  return (
    <WriteOnly>
      <section class="controls" aria-label="Events that it takes now">
        {actor.nextEvents.length === 0 && <span class="muted">It takes no event now.</span>}
        {actor.nextEvents.map((event) => (
          <Button
            key={event}
            kind={questionOf(event, actor.id)?.isDanger === true ? 'danger' : 'plain'}
            onPress={() => send(event)}
          >
            {labelOf(event)} <code>{event}</code>
          </Button>
        ))}
      </section>
    </WriteOnly>
  );
}

function History({
  items,
  shown,
  onShow,
}: {
  readonly items: readonly Transition[];
  readonly shown: Trace | undefined;
  readonly onShow: (item: Transition) => void;
}): JSX.Element {
  if (items.length === 0) return <p class="muted">Nothing is known of what it did.</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: whoever has no mouse scrolls it with the keyboard
    <section class="history" tabIndex={0} aria-label="Changes of state, newest first">
      <table class="table stack">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Event</th>
            <th scope="col">To</th>
            <th scope="col">
              <span class="hidden">In the picture</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {items.map((item, index) => (
            <tr key={`${item.at} ${items.length - index}`}>
              <td data-label="When">
                <Ago at={item.at} />
              </td>
              <td data-label="Event">
                <code>{eventText(item.event)}</code>
              </td>
              <td data-label="To">{item.status === 'active' ? stateText(item.to) : item.status}</td>
              <td class="end">
                <button
                  type="button"
                  class="button quiet"
                  aria-pressed={shown?.edgeIds === item.edgeIds}
                  onClick={() => onShow(item)}
                >
                  Show
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Elsewhere({
  id,
  machine,
  isThere,
}: {
  readonly id: string;
  readonly machine: string;
  readonly isThere: boolean;
}): JSX.Element {
  const socket = `${SERVER_URL.replace(/^http/, 'ws')}/v1/inspect`;
  return (
    <Section title="The same machine elsewhere">
      <div class="card elsewhere">
        <p>
          The definition of its machine as JSON: states, transitions, guards, actions and delays by name, as
          in this picture.
        </p>
        <Button disabled={!isThere} onPress={() => downloadDefinition(id, machine)}>
          Download the definition
        </Button>
        <p>
          Tools that speak Stately’s inspection protocol attach to <code>{socket}</code>, when the server was
          started with <code>SYNCLINE_HTTP_INSPECT=true</code>: every actor with its definition, every event
          and state, live.
        </p>
      </div>
    </Section>
  );
}
