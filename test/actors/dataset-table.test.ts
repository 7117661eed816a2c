import { describe, expect, test } from 'bun:test';
import { getMicrosteps, type SnapshotFrom, transition } from 'xstate';
import { type DatasetEvent, datasetMachine } from '../../src/actors/dataset-machine.ts';
import type { DatasetBacklog } from '../../src/catalog/catalog.ts';
import { ALL, type Note, PHASES, type Row, TABLE } from './dataset-table.ts';
import { leavesOf } from './state-paths.ts';

/*
 * Every state × every event of the dataset machine: each cell of the table is asserted with a pure transition, with everything
 * that it changes in memory or asks of the outside.
 */

const EVENTS: Record<DatasetEvent['type'], DatasetEvent> = {
  'dataset.changed': { type: 'dataset.changed' },
  'dataset.proceed': { type: 'dataset.proceed' },
  'dataset.pause': { type: 'dataset.pause', reason: 'new' },
  'dataset.resume': { type: 'dataset.resume', reason: 'old' },
  'dataset.check': { type: 'dataset.check' },
  'dataset.maintain': { type: 'dataset.maintain' },
  'dataset.retry': { type: 'dataset.retry' },
  'dataset.delete': { type: 'dataset.delete' },
  'work.chunked': { type: 'work.chunked' },
  'work.embedded': { type: 'work.embedded' },
};

type Snapshot = SnapshotFrom<typeof datasetMachine>;

const CONTEXT: Snapshot['context'] = {
  datasetId: 1,
  address: 'project/data',
  grantsItself: false,
  backoff: { firstMs: 1, maxMs: 8, failuresMax: 3 },
  backlog: undefined,
  failure: undefined,
  failureCount: 0,
  pauseReasons: [],
  mend: undefined,
  changedMeanwhile: false,
  checkAsked: false,
  maintenanceAsked: false,
  retryAsked: false,
  again: { chunk: false, embed: false, write: false },
};

/** A machine that rests in a state; the other stages of `processing` run. */
function at(row: Row, context: Partial<Snapshot['context']> = {}): Snapshot {
  const [first = row, second, third] = row.split('.');
  const pauseReasons = row === 'paused' ? ['old'] : [];
  const running = { chunk: 'running', embed: 'running', write: 'running' };
  const value =
    first === 'processing' && second !== undefined && third !== undefined
      ? { processing: { ...running, [second]: third } }
      : second === undefined
        ? first
        : { [first]: second };
  return datasetMachine.resolveState({ value, context: { ...CONTEXT, pauseReasons, ...context } });
}

interface SeenAction {
  readonly type: string;
  readonly params: unknown;
}

function notesOf(before: Snapshot, after: Snapshot, actions: readonly SeenAction[]): Note[] {
  const [was, is] = [before.context, after.context];
  const has = (type: string): boolean => actions.some((action) => action.type === type);
  const entered = PHASES[leavesOf(before.value)[0] as Row] !== PHASES[leavesOf(after.value)[0] as Row];
  return [
    ...(is.changedMeanwhile && !was.changedMeanwhile ? (['remembers the change'] as const) : []),
    ...(is.checkAsked && !was.checkAsked ? (['remembers the check'] as const) : []),
    ...(is.maintenanceAsked && !was.maintenanceAsked ? (['remembers the maintenance'] as const) : []),
    ...(is.retryAsked && !was.retryAsked ? (['remembers to try again'] as const) : []),
    ...(is.pauseReasons.length > was.pauseReasons.length ? (['adds the reason'] as const) : []),
    ...(is.pauseReasons.length < was.pauseReasons.length ? (['removes the reason'] as const) : []),
    ...ALL.filter((stage) => is.again[stage] && !was.again[stage]).map(
      (stage) => `asks ${stage} again` as const,
    ),
    // Entering `processing` releases and entering `deleting` holds: that goes with the state.
    ...(has('holdWork') && !entered ? (['holds the stages'] as const) : []),
    ...(has('releaseWork') && !entered ? (['releases the stages'] as const) : []),
  ];
}

const ROWS = Object.keys(TABLE) as Row[];
const EVENT_TYPES = Object.keys(EVENTS) as DatasetEvent['type'][];

describe.each(ROWS)('a dataset in %s', (row) => {
  test.each(EVENT_TYPES)('answers %s as the table says', (type) => {
    const cell = TABLE[row][type];
    const [target, ...notes] = typeof cell === 'string' ? [cell] : cell;
    const before = at(row);
    const [after, actions] = transition(datasetMachine, before, EVENTS[type]);
    expect(leavesOf(after.value)).toContain(target);
    expect(notesOf(before, after, actions).sort()).toEqual([...notes].sort());
    const reported = actions.flatMap((action) => (action.type === 'reportPhase' ? [action.params] : []));
    const isEntered = PHASES[row] !== PHASES[target] || target !== row;
    const isReported = isEntered && !(row.startsWith('processing.') && target.startsWith('processing.'));
    expect(reported).toEqual(isReported ? [{ phase: PHASES[target] }] : []);
  });
});

test('a dataset without a supervisor gives itself a place', () => {
  const measured = {
    type: 'xstate.done.actor.measureBacklog',
    output: { backlog: backlogOf(1), rebuildReason: undefined },
  };
  const [own] = transition(datasetMachine, at('queued.measuring', { grantsItself: true }), asEvent(measured));
  const [granted] = transition(datasetMachine, at('queued.measuring'), asEvent(measured));
  expect(own.matches('processing')).toBe(true);
  expect(granted.matches({ queued: 'waiting' })).toBe(true);
});

test('a generation that is asked for is built when the dataset gets its place', () => {
  const [next] = transition(
    datasetMachine,
    at('queued.measuring', { grantsItself: true }),
    asEvent({
      type: 'xstate.done.actor.measureBacklog',
      output: { backlog: backlogOf(0), rebuildReason: 'asked for' },
    } as { type: string }),
  );
  expect(next.matches('rebuilding')).toBe(true);
});

test.each([
  ['repair', 'repairing'],
  ['rebuild', 'rebuilding'],
] as const)('a dataset whose table needs a %s is %s when it gets its place', (kind, state) => {
  const mend = { kind, reason: 'damaged' };
  const [next] = transition(datasetMachine, at('queued.waiting', { mend }), { type: 'dataset.proceed' });
  expect(next.matches(state)).toBe(true);
});

/** The events that end what a state waits for; XState makes them, and the machine's own type does not list them. */
const ENDINGS: Partial<Record<Row, readonly { readonly type: string }[]>> = {
  checking: endings(
    'checkTable',
    { kind: 'sound' },
    { kind: 'repair', reason: 'damaged' },
    { kind: 'rebuild', reason: 'damaged' },
  ),
  'queued.measuring': endings(
    'measureBacklog',
    { backlog: backlogOf(0), rebuildReason: undefined },
    { backlog: backlogOf(1), rebuildReason: undefined },
    { backlog: backlogOf(0), rebuildReason: 'asked for' },
  ),
  maintaining: endings('maintainTable', undefined),
  repairing: endings('repairTable', undefined),
  rebuilding: endings('rebuildTable', undefined),
  deleting: endings('deleteDataset', undefined),
  'processing.chunk.running': endings('chunkIncoming', undefined),
  'processing.embed.running': endings('embedPending', undefined),
  'processing.write.running': endings('writeReady', undefined),
  backingOff: [{ type: 'xstate.after.backoff.dataset.backingOff' }],
  deletionFailed: [{ type: 'xstate.after.backoff.dataset.deletionFailed' }],
};

test('no state loops without an event, whatever the machine remembers, and none rests where it only passes through', () => {
  let longest = 0;
  for (const row of ROWS) {
    for (const event of [...Object.values(EVENTS), ...(ENDINGS[row] ?? [])]) {
      for (const context of everyContext()) {
        const microsteps = getMicrosteps(datasetMachine, at(row, context), asEvent(event));
        longest = Math.max(longest, microsteps.length);
        const leaves = microsteps.length === 0 ? [row] : leavesOf(microsteps.at(-1)?.[0].value ?? '');
        for (const leaf of leaves) expect([...ROWS, 'deleted']).toContain(leaf);
      }
    }
  }
  expect(longest).toBeLessThanOrEqual(8);
}, 300_000);

test('a loop without an event would end in an error instead of hanging the process', () => {
  expect(datasetMachine.options.maxIterations).toBe(1_000);
});

function backlogOf(incomingDocuments: number): DatasetBacklog {
  return {
    incomingDocuments,
    queuedDocuments: 0,
    pendingChunks: 0,
    batchedChunks: 0,
    uncutDocuments: 0,
    isSwitchPending: false,
    oldestChangeAtMs: incomingDocuments > 0 ? 1 : undefined,
  };
}

function endings(id: string, ...outputs: readonly unknown[]): { readonly type: string }[] {
  return [
    ...outputs.map((output) => ({ type: `xstate.done.actor.${id}`, output, actorId: id })),
    { type: `xstate.error.actor.${id}`, error: new Error('broken'), actorId: id } as { type: string },
  ];
}

function asEvent(event: { readonly type: string }): DatasetEvent {
  return event as DatasetEvent;
}

const MENDS = [undefined, { kind: 'repair', reason: 'x' }, { kind: 'rebuild', reason: 'x' }] as const;
const ASKED = [
  { changedMeanwhile: false, maintenanceAsked: false },
  { changedMeanwhile: true, maintenanceAsked: false },
  { changedMeanwhile: false, maintenanceAsked: true },
];

function* everyContext(): Generator<Partial<Snapshot['context']>> {
  const failure = { code: 'X', message: 'x', retryable: false, retryAfterMs: undefined };
  for (const pauseReasons of [[], ['old'], ['old', 'other']])
    for (const mend of MENDS)
      for (const { changedMeanwhile, maintenanceAsked } of ASKED)
        for (const checkAsked of [false, true])
          for (const grantsItself of [false, true])
            for (const failureCount of [0, 9])
              yield {
                retryAsked: failureCount > 0,
                pauseReasons,
                mend,
                changedMeanwhile,
                checkAsked,
                maintenanceAsked,
                grantsItself,
                failureCount,
                failure,
              };
}
