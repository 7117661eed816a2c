import type { JSX } from 'preact';
import { attempt, confirm } from '../core/actions.ts';
import { ask, client } from '../core/api.ts';
import { runtime } from '../core/store.ts';
import { withdrawToast } from '../core/toasts.ts';
import { Button, WriteOnly } from '../ui/controls.tsx';
import { Badge, type Tone } from '../ui/parts.tsx';

const STATES: Readonly<Record<string, readonly [string, Tone]>> = {
  notStarted: ['worker off', 'warn'],
  idle: ['worker idle', 'ok'],
  processing: ['working', 'busy'],
  rebuilding: ['rebuilding', 'busy'],
  syncCheck: ['checking', 'busy'],
  paused: ['paused', 'still'],
  backingOff: ['backing off', 'bad'],
};

/** The worker's state, and what can be done about it. */
export function WorkerControl(): JSX.Element | null {
  const status = runtime.value;
  if (status === undefined) return null;
  const [name, tone] = STATES[status.state] ?? [status.state, 'busy'];
  // It has nothing to do because nobody answers: that is not well.
  const isOut = status.checks.some(({ subject, isOk }) => subject === 'provider' && !isOk);
  return (
    <div class="worker">
      <Badge tone={isOut && tone === 'ok' ? 'warn' : tone} title="The worker of this server">
        {name}
      </Badge>
      <WriteOnly>
        {status.state === 'notStarted' && <Button onPress={start}>Start</Button>}
        {status.state === 'paused' && <Button onPress={resumeAll}>Resume</Button>}
        {status.state !== 'notStarted' && status.state !== 'paused' && (
          <Button kind="quiet" onPress={pauseAll} label="Pause all datasets">
            Pause
          </Button>
        )}
        {status.state !== 'notStarted' && (
          <Button kind="quiet" onPress={stop} label="Stop the worker">
            Stop
          </Button>
        )}
      </WriteOnly>
    </div>
  );
}

/** Sends a control event to the supervisor. */
async function tell(type: 'supervisor.start' | 'supervisor.pause' | 'supervisor.resume' | 'supervisor.stop') {
  const route = client.value.v1.actors[':id'].events;
  await ask(route.$post({ param: { id: 'supervisor' }, json: { type } }));
}

function start(): Promise<boolean> {
  return attempt('Starting the worker', () => tell('supervisor.start'), 'The worker runs.');
}

const PAUSES_TEXT = 'All datasets pause when the work under way is done.';

function pauseAll(): Promise<boolean> {
  return attempt('Pausing', () => tell('supervisor.pause'), PAUSES_TEXT);
}

/** Takes back every reason for which the worker is paused. */
export function resumeAll(): Promise<boolean> {
  withdrawToast(PAUSES_TEXT);
  return attempt('Resuming', async () => {
    const { actors } = client.value.v1;
    const { context } = await ask(actors[':id'].$get({ param: { id: 'supervisor' } }));
    const reasons = Array.isArray(context?.pauseReasons) ? context.pauseReasons : [];
    for (const reason of reasons.length === 0 ? [undefined] : reasons) {
      const json = {
        type: 'supervisor.resume' as const,
        ...(reason !== undefined && { reason: String(reason) }),
      };
      await ask(actors[':id'].events.$post({ param: { id: 'supervisor' }, json }));
    }
  });
}

async function stop(): Promise<void> {
  const isSure = await confirm({
    title: 'Stop the worker?',
    text: 'Work under way is finished first. Searches go on; nothing is indexed until it is started again.',
    action: 'Stop',
    isDanger: true,
  });
  if (isSure) await attempt('Stopping the worker', () => tell('supervisor.stop'), 'The worker stops.');
}
