import type { ActorKind } from '../actor-kinds.ts';
import type { Scheduler } from '../schedules/scheduler.ts';
import { schedulerKind } from '../schedules/scheduler-kind.ts';
import { createWatching, type Watching } from '../watching/watching.ts';
import { createSourceUses, type SourceUses } from './source-uses.ts';

/** What runs over sources share within a runtime. */
export interface IndexingParts {
  readonly sourceUses: SourceUses;
  readonly watching: Watching;
  /** Making what the options declare; once. */
  readonly declared: { reconciled: Promise<void> | undefined };
  /** Who runs what is due, while a worker does. */
  readonly schedules: {
    scheduler: Scheduler | undefined;
    /** As the registry of actors knows it. */
    readonly kind: ActorKind;
    /** Makes it look again at what is due. */
    readonly changed: () => void;
    /** Until when nothing of a dataset is begun, after something failed that would be due again at once; Unix milliseconds. */
    readonly heldBackUntilMs: Map<number, number>;
  };
}

export function createIndexingParts(): IndexingParts {
  const schedules: IndexingParts['schedules'] = {
    scheduler: undefined,
    kind: schedulerKind(() => schedules.scheduler),
    changed: () => schedules.scheduler?.actor.send({ type: 'schedules.changed' }),
    heldBackUntilMs: new Map(),
  };
  return {
    sourceUses: createSourceUses(),
    watching: createWatching(),
    declared: { reconciled: undefined },
    schedules,
  };
}
