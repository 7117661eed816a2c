import { attempt, confirm, type Question } from './actions.ts';
import { ask, client } from './api.ts';
import type { Actor } from './types.ts';

/** A control event, by its name. */
export type ControlEvent = Actor['nextEvents'][number];

const LABELS: Readonly<Record<string, string>> = {
  'dataset.check': 'Check the table',
  'dataset.maintain': 'Maintain the table',
  'provider.retry': 'Try it now',
};

/** Asked first, where it is more than a look. */
const QUESTIONS: Readonly<Record<string, Omit<Question, 'action'>>> = {
  'supervisor.stop': {
    title: 'Stop the worker?',
    text: 'Work under way is finished first. Searches go on; nothing is indexed until it is started again.',
    isDanger: true,
  },
  'provider.retry': {
    title: 'Try the provider now?',
    text: 'The next texts that wait are sent to it, and paid for if it answers.',
  },
};
/** Of events that were added since: what ends something, or sends it to a provider. */
const GRAVE = /\.(?:delete|cancel|stop|abort|submit|flush|run)$/;

/** What stands on the button of an event. */
export function labelOf(event: ControlEvent): string {
  const word = event.split('.').at(-1) ?? event;
  return LABELS[event] ?? `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
}

/** Whether a question comes before it. */
export function questionOf(event: ControlEvent, name: string): Question | undefined {
  const action = labelOf(event);
  const known = QUESTIONS[event];
  if (known !== undefined) return { ...known, action };
  if (!GRAVE.test(event)) return undefined;
  return { title: `${action} ${name}?`, text: `It is sent ${event}.`, action, isDanger: true };
}

/** Sends a control event; a resume takes back every reason for which it is paused. */
export async function sendControl(actor: Actor, event: ControlEvent): Promise<boolean> {
  const { id, address = id, context } = actor;
  const question = questionOf(event, address);
  if (question !== undefined && !(await confirm(question))) return false;
  const route = client.value.v1.actors[':id'].events;
  const known = Array.isArray(context?.pauseReasons) ? context.pauseReasons.map(String) : [];
  // Of a dataset's reasons, that one is the supervisor's own.
  const own = known.filter((reason) => !(event === 'dataset.resume' && reason === 'supervisor'));
  const reasons = event.endsWith('.resume') && own.length > 0 ? own : [undefined];
  return attempt(
    `${labelOf(event)} ${address}`,
    async () => {
      for (const reason of reasons)
        await ask(
          route.$post({ param: { id }, json: { type: event, ...(reason !== undefined && { reason }) } }),
        );
    },
    `${address} was sent ${event}.`,
  );
}

/** Gives the reader the definition of an actor's machine as a file. */
export async function downloadDefinition(id: string, machine: string): Promise<void> {
  await attempt(`Reading the machine of ${id}`, async () => {
    const definition = await ask(client.value.v1.actors[':id'].machine.$get({ param: { id } }));
    const file = new Blob([JSON.stringify(definition, null, 2)], { type: 'application/json' });
    const link = document.createElement('a');
    link.href = URL.createObjectURL(file);
    link.download = `${machine}-machine.json`;
    link.click();
    // Not before the browser has taken it.
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  });
}
