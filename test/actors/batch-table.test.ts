import { describe, expect, test } from 'bun:test';
import { getMicrosteps, type SnapshotFrom, type StateValueFrom, transition } from 'xstate';
import { type BatchEvent, batchMachine } from '../../src/actors/batch-machine.ts';

/*
 * Every state × every event of the batch machine. The compiler refuses a missing row and a missing column; the ends of what a
 * state runs have a column of their own, since what they bring decides.
 */

type Row = StateValueFrom<typeof batchMachine>;
/** States that are passed through at once are never found by an event. */
type Passing = 'resting' | 'failing';
type Column =
  | BatchEvent['type']
  | 'decided: upload'
  | 'decided: submit'
  | 'decided: look'
  | 'decided: harvest'
  | 'decided: tidy'
  | 'decided: done'
  | 'ended: on'
  | 'ended: wait'
  | 'broken'
  | 'after';

/** Nobody sends what a state does not run. */
type Cell = Row | undefined;

const STEPS = {
  uploading: 'uploadJob',
  submitting: 'submitJob',
  looking: 'lookAtJob',
  harvesting: 'harvestJob',
  tidying: 'tidyJob',
} as const;

const undecided = {
  'decided: upload': undefined,
  'decided: submit': undefined,
  'decided: look': undefined,
  'decided: harvest': undefined,
  'decided: tidy': undefined,
  'decided: done': undefined,
};
const nothingEnds = { ...undecided, 'ended: on': undefined, 'ended: wait': undefined, broken: undefined };

/** A step that is under way ends before anything else happens. */
const step = <Here extends Row>(here: Here) => ({
  ...undecided,
  'batch.look': here,
  'batch.pause': here,
  'batch.resume': here,
  'ended: on': 'deciding' as const,
  'ended: wait': 'waiting' as const,
  broken: 'backingOff' as const,
  after: undefined,
});

const TABLE: Record<Exclude<Row, Passing>, Record<Column, Cell>> = {
  deciding: {
    'batch.look': 'deciding',
    'batch.pause': 'deciding',
    'batch.resume': 'deciding',
    'decided: upload': 'uploading',
    'decided: submit': 'submitting',
    'decided: look': 'looking',
    'decided: harvest': 'harvesting',
    'decided: tidy': 'tidying',
    'decided: done': 'done',
    'ended: on': undefined,
    'ended: wait': undefined,
    broken: 'backingOff',
    after: undefined,
  },
  uploading: step('uploading'),
  submitting: step('submitting'),
  looking: step('looking'),
  harvesting: step('harvesting'),
  tidying: step('tidying'),
  waiting: {
    ...nothingEnds,
    'batch.look': 'deciding',
    'batch.pause': 'paused',
    'batch.resume': 'waiting',
    after: 'deciding',
  },
  backingOff: {
    ...nothingEnds,
    'batch.look': 'deciding',
    'batch.pause': 'paused',
    'batch.resume': 'backingOff',
    after: 'deciding',
  },
  paused: {
    ...nothingEnds,
    'batch.look': 'paused',
    'batch.pause': 'paused',
    'batch.resume': 'deciding',
    after: undefined,
  },
  done: {
    ...nothingEnds,
    'batch.look': 'done',
    'batch.pause': 'done',
    'batch.resume': 'done',
    after: undefined,
  },
};

interface Memory {
  readonly pauseReasons?: readonly string[];
  readonly lookAsked?: boolean;
}

function snapshotAt(value: Row, memory: Memory = {}): SnapshotFrom<typeof batchMachine> {
  return batchMachine.resolveState({
    value,
    status: value === 'done' ? 'done' : 'active',
    context: {
      batchJobId: 1,
      pollMs: 1,
      backoff: { firstMs: 1, maxMs: 1, failuresMax: 1 },
      failure: undefined,
      failureCount: 0,
      pauseReasons: value === 'paused' ? ['why'] : [],
      lookAsked: false,
      ...memory,
    },
  });
}

/** The event of a column, as the state's own sources, timers and the outside send it. */
function eventOf(row: Row, column: Column): { readonly type: string } {
  const [kind, output] = column.split(': ');
  const source = row in STEPS ? STEPS[row as keyof typeof STEPS] : 'decideStep';
  if (kind === 'decided' || kind === 'ended')
    return { type: `xstate.done.actor.${source}`, output } as { type: string };
  if (kind === 'broken')
    return { type: `xstate.error.actor.${source}`, error: new Error('broken') } as { type: string };
  const delay = row === 'backingOff' ? 'backoff' : 'poll';
  if (kind === 'after') return { type: `xstate.after.${delay}.batch.${row}` };
  return { type: column, reason: 'why' } as { type: string };
}

const cells = Object.entries(TABLE).flatMap(([row, columns]) =>
  Object.entries(columns).flatMap(([column, to]) =>
    to === undefined ? [] : [{ row: row as Row, column: column as Column, to }],
  ),
);

describe('a batch job', () => {
  test.each(cells)('$row and $column: $to', ({ row, column, to }) => {
    const [next] = transition(batchMachine, snapshotAt(row), eventOf(row, column) as BatchEvent);
    expect(next.value).toBe(to);
  });

  test.each(Object.keys(STEPS) as (keyof typeof STEPS)[])(
    'that is paused lets %s end and then rests',
    (row) => {
      for (const column of ['ended: wait', 'broken'] as const) {
        const [next] = transition(
          batchMachine,
          snapshotAt(row, { pauseReasons: ['why'] }),
          eventOf(row, column) as BatchEvent,
        );
        expect(next.value).toBe('paused');
      }
    },
  );

  test('that is paused begins nothing, but ends where nothing is left to do', () => {
    const paused = snapshotAt('deciding', { pauseReasons: ['why'] });
    const [held] = transition(batchMachine, paused, eventOf('deciding', 'decided: upload') as BatchEvent);
    expect(held.value).toBe('paused');
    const [done] = transition(batchMachine, paused, eventOf('deciding', 'decided: done') as BatchEvent);
    expect(done.value).toBe('done');
  });

  test('that is asked to look while a step is under way looks again when it has ended', () => {
    const [asked] = transition(batchMachine, snapshotAt('submitting'), { type: 'batch.look' });
    const [next] = transition(batchMachine, asked, eventOf('submitting', 'ended: wait') as BatchEvent);
    expect(next.value).toBe('deciding');
    expect(next.context.lookAsked).toBe(false);
  });

  test('stays paused until the last reason is gone', () => {
    const both = snapshotAt('paused', { pauseReasons: ['why', 'other'] });
    const [one] = transition(batchMachine, both, { type: 'batch.resume', reason: 'why' });
    expect(one.value).toBe('paused');
    const [none] = transition(batchMachine, one, { type: 'batch.resume', reason: 'other' });
    expect(none.value).toBe('deciding');
  });

  test('counts failures until a step succeeds', () => {
    const [failed] = transition(
      batchMachine,
      snapshotAt('looking'),
      eventOf('looking', 'broken') as BatchEvent,
    );
    expect(failed.context).toMatchObject({ failureCount: 1, failure: { code: 'INTERNAL' } });
    const [again] = transition(batchMachine, { ...failed, value: 'looking' } as typeof failed, {
      type: 'batch.look',
    });
    expect(again.context.failureCount).toBe(1);
    const [good] = transition(
      batchMachine,
      snapshotAt('looking'),
      eventOf('looking', 'ended: wait') as BatchEvent,
    );
    expect(good.context).toMatchObject({ failureCount: 0, failure: undefined });
  });

  test('passes through no more than a few states without an event, and rests in none that it only passes through', () => {
    for (const { row, column } of cells) {
      for (const memory of [{}, { pauseReasons: ['why'] }, { lookAsked: true }]) {
        const steps = getMicrosteps(
          batchMachine,
          snapshotAt(row, memory),
          eventOf(row, column) as BatchEvent,
        );
        expect(steps.length).toBeLessThanOrEqual(3);
        expect(['resting', 'failing']).not.toContain(steps.at(-1)?.[0].value);
      }
    }
  });
});
