import type { ActorKind } from '../actor-kinds.ts';
import type { Scheduler } from './scheduler.ts';

/** The scheduler, as the registry of actors knows it: there is one while a worker runs. */
export function schedulerKind(current: () => Scheduler | undefined): ActorKind {
  return {
    machine: 'scheduler',
    live() {
      const actor = current()?.actor;
      return actor === undefined ? [] : [{ id: 'scheduler:1', actor }];
    },
    allowedEvents: ({ status }) => (status === 'active' ? ['scheduler.look'] : []),
    send: () => current()?.actor.send({ type: 'schedules.changed' }),
  };
}
