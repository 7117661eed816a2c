import { describe, expect, test } from 'bun:test';
import { getMicrosteps, type SnapshotFrom, type StateValueFrom, transition } from 'xstate';
import { type DatasetEvent, type DatasetPhase, datasetMachine } from '../../src/actors/dataset-machine.ts';
import type { DatasetBacklog } from '../../src/catalog/catalog.ts';
import { type LeafPath, leavesOf } from './state-paths.ts';

/*
 * Every state × every event of the dataset machine. The compiler refuses a missing row and a missing column; each cell is
 * asserted with a pure transition, with everything that it changes in memory or asks of the outside.
 */

type Leaf = LeafPath<StateValueFrom<typeof datasetMachine>>;
/** Passed through at once, so that no event ever meets them; see the last test. */
type PassedThrough = Extract<Leaf, 'settling' | 'failing' | 'retrying' | 'queued.granted'>;
/** An actor that has ended hears nothing. */
type Ended = Extract<Leaf, 'deleted'>;
type Row = Exclude<Leaf, PassedThrough | Ended>;
type Stage = 'chunk' | 'embed' | 'write';
/** What happens besides the change of state. */
type Note =
  | 'remembers the change'
  | 'remembers the check'
  | 'remembers the maintenance'
  | 'remembers to try again'
  | 'adds the reason'
  | 'removes the reason'
  | `asks ${Stage} again`
  | 'holds the stages'
  | 'releases the stages';
type Cell = Row | readonly [Row, ...Note[]];

const REMEMBERED = 'remembers the change';
const CHECK_LATER = 'remembers the check';
const MAINTAIN_LATER = 'remembers the maintenance';
const PAUSED: Cell = ['paused', 'adds the reason'];
/** What is under way is finished first. */
const pausedLater = <Here extends Row>(here: Here): Cell => [here, 'adds the reason'];

/** Deletion takes everything out of every state. */
const DELETED = { 'dataset.delete': 'deleting' } as const;

/** Events that mean nothing to a state, which stays as it is. */
const workIgnored = <Here extends Row>(here: Here) =>
  ({ 'dataset.retry': here, 'dataset.proceed': here, 'work.chunked': here, 'work.embedded': here }) as const;

/** A stage at work. An event that concerns it lets it run once more when it ends. */
const stageRow = (
  here: Row,
  concerned: { changed: readonly Stage[]; chunked: readonly Stage[]; embedded: readonly Stage[] },
  onWake: { changed: Row; chunked: Row; embedded: Row } = { changed: here, chunked: here, embedded: here },
): Record<DatasetEvent['type'], Cell> => {
  const asks = (stages: readonly Stage[]) => stages.map((stage) => `asks ${stage} again` as const);
  return {
    ...DELETED,
    'dataset.changed': [onWake.changed, ...asks(concerned.changed), REMEMBERED],
    'work.chunked': [onWake.chunked, ...asks(concerned.chunked)],
    'work.embedded': [onWake.embedded, ...asks(concerned.embedded)],
    'dataset.proceed': here,
    // Only one that has failed is going to back off.
    'dataset.retry': here.endsWith('.failed') ? [here, 'remembers to try again'] : here,
    'dataset.check': [here, CHECK_LATER],
    'dataset.maintain': [here, MAINTAIN_LATER],
    'dataset.pause': [here, 'adds the reason', 'holds the stages'],
    // A resume without a pause: harmless, one more look.
    'dataset.resume': [onWake.changed, 'releases the stages', ...asks(concerned.changed)],
  };
};
const ALL: readonly Stage[] = ['chunk', 'embed', 'write'];
const RUNNING = {
  changed: ALL,
  chunked: ['embed', 'write'],
  embedded: ['write'],
} as const;

const TABLE: Record<Row, Record<DatasetEvent['type'], Cell>> = {
  checking: {
    ...DELETED,
    ...workIgnored('checking'),
    'dataset.changed': ['checking', REMEMBERED],
    'dataset.check': ['checking', CHECK_LATER],
    'dataset.maintain': ['checking', MAINTAIN_LATER],
    'dataset.pause': pausedLater('checking'),
    'dataset.resume': 'checking',
  },
  idle: {
    ...DELETED,
    ...workIgnored('idle'),
    'dataset.changed': 'queued.measuring',
    'dataset.check': 'checking',
    'dataset.maintain': ['queued.measuring', MAINTAIN_LATER],
    'dataset.pause': PAUSED,
    'dataset.resume': 'idle',
  },
  'queued.measuring': {
    ...DELETED,
    ...workIgnored('queued.measuring'),
    'dataset.changed': ['queued.measuring', REMEMBERED],
    'dataset.check': 'checking',
    'dataset.maintain': ['queued.measuring', MAINTAIN_LATER],
    'dataset.pause': PAUSED,
    'dataset.resume': 'queued.measuring',
  },
  'queued.waiting': {
    ...DELETED,
    ...workIgnored('queued.waiting'),
    'dataset.proceed': 'processing.chunk.running',
    'dataset.changed': ['queued.waiting', REMEMBERED],
    'dataset.check': 'checking',
    'dataset.maintain': ['queued.waiting', MAINTAIN_LATER],
    'dataset.pause': PAUSED,
    'dataset.resume': 'queued.waiting',
  },
  'processing.chunk.running': stageRow('processing.chunk.running', RUNNING),
  'processing.embed.running': stageRow('processing.embed.running', RUNNING),
  'processing.write.running': stageRow('processing.write.running', RUNNING),
  'processing.chunk.drained': stageRow(
    'processing.chunk.drained',
    { changed: ['embed', 'write'], chunked: ['embed', 'write'], embedded: ['write'] },
    {
      changed: 'processing.chunk.running',
      chunked: 'processing.chunk.drained',
      embedded: 'processing.chunk.drained',
    },
  ),
  'processing.embed.drained': stageRow(
    'processing.embed.drained',
    { changed: ['chunk', 'write'], chunked: ['write'], embedded: ['write'] },
    {
      changed: 'processing.embed.running',
      chunked: 'processing.embed.running',
      embedded: 'processing.embed.drained',
    },
  ),
  'processing.write.drained': stageRow(
    'processing.write.drained',
    { changed: ['chunk', 'embed'], chunked: ['embed'], embedded: [] },
    {
      changed: 'processing.write.running',
      chunked: 'processing.write.running',
      embedded: 'processing.write.running',
    },
  ),
  // A stage failed: it is not started again, the others end by themselves and stay held.
  'processing.chunk.failed': {
    ...stageRow('processing.chunk.failed', RUNNING),
    'dataset.resume': 'processing.chunk.failed',
  },
  'processing.embed.failed': {
    ...stageRow('processing.embed.failed', RUNNING),
    'dataset.resume': 'processing.embed.failed',
  },
  'processing.write.failed': {
    ...stageRow('processing.write.failed', RUNNING),
    'dataset.resume': 'processing.write.failed',
  },
  maintaining: {
    ...DELETED,
    ...workIgnored('maintaining'),
    'dataset.changed': ['maintaining', REMEMBERED],
    'dataset.check': ['maintaining', CHECK_LATER],
    'dataset.maintain': ['maintaining', MAINTAIN_LATER],
    'dataset.pause': pausedLater('maintaining'),
    'dataset.resume': 'maintaining',
  },
  repairing: {
    ...DELETED,
    ...workIgnored('repairing'),
    'dataset.changed': ['repairing', REMEMBERED],
    'dataset.check': ['repairing', CHECK_LATER],
    'dataset.maintain': ['repairing', MAINTAIN_LATER],
    'dataset.pause': pausedLater('repairing'),
    'dataset.resume': 'repairing',
  },
  rebuilding: {
    ...DELETED,
    ...workIgnored('rebuilding'),
    'dataset.changed': ['rebuilding', REMEMBERED],
    'dataset.check': ['rebuilding', CHECK_LATER],
    'dataset.maintain': ['rebuilding', MAINTAIN_LATER],
    'dataset.pause': pausedLater('rebuilding'),
    'dataset.resume': 'rebuilding',
  },
  // Whatever comes meanwhile is seen by the check that ends the wait.
  backingOff: {
    ...DELETED,
    ...workIgnored('backingOff'),
    'dataset.retry': 'checking',
    'dataset.changed': ['backingOff', REMEMBERED],
    'dataset.check': 'checking',
    'dataset.maintain': ['backingOff', MAINTAIN_LATER],
    'dataset.pause': PAUSED,
    'dataset.resume': 'backingOff',
  },
  parked: {
    ...DELETED,
    ...workIgnored('parked'),
    'dataset.changed': ['parked', REMEMBERED],
    'dataset.check': 'checking',
    'dataset.maintain': ['parked', MAINTAIN_LATER],
    'dataset.pause': PAUSED,
    'dataset.resume': 'parked',
  },
  paused: {
    ...DELETED,
    ...workIgnored('paused'),
    'dataset.changed': ['paused', REMEMBERED],
    'dataset.check': ['paused', CHECK_LATER],
    'dataset.maintain': ['paused', MAINTAIN_LATER],
    'dataset.pause': pausedLater('paused'),
    'dataset.resume': ['checking', 'removes the reason'],
  },
  // Nothing holds up a deletion, and nothing but its end ends it.
  deleting: {
    ...workIgnored('deleting'),
    'dataset.changed': ['deleting', REMEMBERED],
    'dataset.check': ['deleting', CHECK_LATER],
    'dataset.maintain': ['deleting', MAINTAIN_LATER],
    'dataset.pause': 'deleting',
    'dataset.resume': 'deleting',
    'dataset.delete': 'deleting',
  },
  deletionFailed: {
    ...workIgnored('deletionFailed'),
    'dataset.changed': ['deletionFailed', REMEMBERED],
    'dataset.check': ['deletionFailed', CHECK_LATER],
    'dataset.maintain': ['deletionFailed', MAINTAIN_LATER],
    'dataset.pause': 'deletionFailed',
    'dataset.resume': 'deletionFailed',
    'dataset.delete': 'deleting',
  },
};

/** The phase that is reported on entering a state. */
const PHASES: Record<Row, DatasetPhase> = {
  checking: 'checking',
  idle: 'idle',
  'queued.measuring': 'measuring',
  'queued.waiting': 'queued',
  'processing.chunk.running': 'processing',
  'processing.embed.running': 'processing',
  'processing.write.running': 'processing',
  'processing.chunk.drained': 'processing',
  'processing.embed.drained': 'processing',
  'processing.write.drained': 'processing',
  'processing.chunk.failed': 'processing',
  'processing.embed.failed': 'processing',
  'processing.write.failed': 'processing',
  maintaining: 'maintaining',
  repairing: 'repairing',
  rebuilding: 'rebuilding',
  backingOff: 'backingOff',
  parked: 'parked',
  paused: 'paused',
  deleting: 'deleting',
  deletionFailed: 'backingOff',
};

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
}, 60_000);

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
