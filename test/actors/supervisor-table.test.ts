import { describe, expect, test } from 'bun:test';
import { getMicrosteps, type SnapshotFrom, type StateValueFrom, transition } from 'xstate';
import type { DatasetEvent, DatasetPhase } from '../../src/actors/dataset-machine.ts';
import type { DatasetEntry } from '../../src/actors/dataset-room.ts';
import { entryOf } from '../../src/actors/supervisor-context.ts';
import { supervisorMachine } from '../../src/actors/supervisor-machine.ts';
import type { SupervisorEvent } from '../../src/actors/supervisor-setup.ts';
import { type LeafPath, leavesOf } from './state-paths.ts';

/*
 * Every state × every event of the supervisor. The compiler refuses a missing row and a missing column. In every state
 * dataset 1 has an actor and dataset 9 has none; each cell is asserted with all that it does to both.
 */

type Leaf = LeafPath<StateValueFrom<typeof supervisorMachine>>;
/** Passed through at once, so that no event ever meets it. */
type PassedThrough = Extract<Leaf, 'starting'>;
/** An actor that has ended hears nothing. */
type Ended = Extract<Leaf, 'stopped'>;
type Row = Exclude<Leaf, PassedThrough | Ended>;

type Column =
  | Exclude<SupervisorEvent['type'], 'dataset.tell' | `xstate.${string}`>
  | 'dataset.tell to one with an actor'
  | 'dataset.tell to one without'
  | 'an actor ended'
  | 'an actor broke';

/** What happens besides the change of state. */
type Note =
  | 'adds the reason'
  | 'removes the reason'
  | 'pauses all'
  | 'resumes all'
  | 'passes it on'
  | 'spawns an actor'
  | 'queues for an actor'
  | 'records the report'
  | 'gives a place'
  | 'lets the actor go'
  | 'remembers to look again'
  | 'records the failure';
type Cell = Row | readonly [Row, ...Note[]];

/** While there is no session: everything is remembered, nobody gets an actor or a place. */
const withoutSession = <Here extends Row>(here: Here) =>
  ({
    'supervisor.pause': [here, 'adds the reason', 'pauses all'],
    'supervisor.resume': here,
    'supervisor.stop': ['stopping', 'pauses all'],
    'datasets.changed': here,
    'dataset.tell to one with an actor': [here, 'passes it on'],
    'dataset.tell to one without': [here, 'queues for an actor'],
    'lease.lost': ['releasing', 'records the failure', 'lets the actor go'],
    'dataset.reported': [here, 'records the report'],
    'an actor ended': [here, 'lets the actor go'],
    'an actor broke': [here, 'lets the actor go'],
  }) as const;

const running = <Here extends Row>(
  here: Here,
  after: { readonly spawned: Row; readonly reported: Row; readonly letGo: Row },
) =>
  ({
    'supervisor.pause': ['paused', 'adds the reason', 'pauses all'],
    'supervisor.resume': here,
    'supervisor.stop': ['stopping', 'pauses all'],
    'datasets.changed': here,
    'dataset.tell to one with an actor': [here, 'passes it on'],
    'dataset.tell to one without': [after.spawned, 'spawns an actor'],
    'lease.lost': ['releasing', 'records the failure', 'lets the actor go'],
    'dataset.reported': [after.reported, 'records the report', 'gives a place'],
    'an actor ended': [after.letGo, 'lets the actor go'],
    'an actor broke': [after.letGo, 'lets the actor go'],
  }) as const;

const TABLE: Record<Row, Record<Column, Cell>> = {
  boot: withoutSession('boot'),
  dbEnsure: withoutSession('dbEnsure'),
  'running.work.syncCheck': running('running.work.syncCheck', {
    spawned: 'running.work.syncCheck',
    reported: 'running.work.processing',
    letGo: 'running.work.idle',
  }),
  'running.work.processing': running('running.work.processing', {
    spawned: 'running.work.processing',
    reported: 'running.work.processing',
    letGo: 'running.work.idle',
  }),
  'running.work.rebuilding': running('running.work.rebuilding', {
    spawned: 'running.work.rebuilding',
    reported: 'running.work.processing',
    letGo: 'running.work.idle',
  }),
  'running.work.idle': {
    ...running('running.work.idle', {
      spawned: 'running.work.syncCheck',
      reported: 'running.work.processing',
      letGo: 'running.work.idle',
    }),
    'supervisor.stop': ['releasing', 'pauses all', 'lets the actor go'],
  },
  'running.discovery.looking': {
    ...running('running.discovery.looking', {
      spawned: 'running.discovery.looking',
      reported: 'running.discovery.looking',
      letGo: 'running.discovery.looking',
    }),
    'datasets.changed': ['running.discovery.looking', 'remembers to look again'],
  },
  'running.discovery.waiting': {
    ...running('running.discovery.waiting', {
      spawned: 'running.discovery.waiting',
      reported: 'running.discovery.waiting',
      letGo: 'running.discovery.waiting',
    }),
    'datasets.changed': 'running.discovery.looking',
  },
  // Who is told something has an actor to answer; nobody gets a place.
  paused: {
    ...withoutSession('paused'),
    'supervisor.pause': ['paused', 'adds the reason'],
    'supervisor.stop': ['releasing', 'pauses all', 'lets the actor go'],
    'supervisor.resume': ['running.work.syncCheck', 'removes the reason', 'resumes all'],
    'dataset.tell to one without': ['paused', 'spawns an actor'],
  },
  backingOff: withoutSession('backingOff'),
  stopping: {
    ...withoutSession('stopping'),
    'supervisor.stop': 'stopping',
    'an actor ended': ['releasing', 'lets the actor go'],
    'an actor broke': ['releasing', 'lets the actor go'],
  },
  // Dataset 1 was let go of on the way in.
  releasing: {
    ...withoutSession('releasing'),
    'supervisor.pause': ['releasing', 'adds the reason'],
    'supervisor.stop': 'releasing',
    'dataset.tell to one with an actor': 'releasing',
    'lease.lost': 'releasing',
    'dataset.reported': 'releasing',
    'an actor ended': 'releasing',
    'an actor broke': 'releasing',
  },
};

const FAILURE = { code: 'LEASE_LOST', message: 'Gone.', retryable: false, retryAfterMs: undefined };
const CHANGED: DatasetEvent = { type: 'dataset.changed' };

const EVENTS: Record<Column, SupervisorEvent> = {
  'supervisor.pause': { type: 'supervisor.pause', reason: 'new' },
  'supervisor.resume': { type: 'supervisor.resume', reason: 'old' },
  'supervisor.stop': { type: 'supervisor.stop' },
  'datasets.changed': { type: 'datasets.changed' },
  'dataset.tell to one with an actor': {
    type: 'dataset.tell',
    datasetId: 1,
    address: 'project/one',
    event: CHANGED,
  },
  'dataset.tell to one without': {
    type: 'dataset.tell',
    datasetId: 9,
    address: 'project/nine',
    event: CHANGED,
  },
  'lease.lost': { type: 'lease.lost', failure: FAILURE },
  'dataset.reported': {
    type: 'dataset.reported',
    datasetId: 1,
    address: 'project/one',
    phase: 'queued',
    backlog: undefined,
    failure: undefined,
  },
  'an actor ended': { type: 'xstate.done.actor.dataset:1', actorId: 'dataset:1', output: undefined },
  'an actor broke': {
    type: 'xstate.error.actor.dataset:1',
    actorId: 'dataset:1',
    error: new Error('broken'),
  },
};

/** The phase of dataset 1 that lets the machine rest in a state. */
const PHASES: Record<Row, DatasetPhase> = {
  boot: 'idle',
  dbEnsure: 'idle',
  'running.work.syncCheck': 'checking',
  'running.work.processing': 'processing',
  'running.work.rebuilding': 'rebuilding',
  'running.work.idle': 'parked',
  'running.discovery.looking': 'processing',
  'running.discovery.waiting': 'processing',
  paused: 'paused',
  backingOff: 'processing',
  stopping: 'processing',
  releasing: 'idle',
};

type Snapshot = SnapshotFrom<typeof supervisorMachine>;

const CONTEXT: Snapshot['context'] = {
  settings: {
    datasetsAtWorkMax: 1,
    datasetActorsMax: 5,
    datasetOrder: 'largestBacklog',
    pollIntervalMs: 1_000,
    drainTimeoutMs: 1_000,
    backoff: { firstMs: 1, maxMs: 8, failuresMax: 3 },
  },
  datasets: [],
  waiting: [],
  resting: {},
  datasetPauses: {},
  pauseReasons: [],
  failure: undefined,
  failureCount: 0,
  hasLooked: true,
  lookAgain: false,
  lookCount: 1,
  reportCount: 0,
};

function valueAt(row: Row) {
  if (row === 'running.discovery.looking') return { running: { work: 'processing', discovery: 'looking' } };
  if (row === 'running.discovery.waiting') return { running: { work: 'processing', discovery: 'waiting' } };
  const work = row.startsWith('running.work.') ? row.slice('running.work.'.length) : undefined;
  return work === undefined ? row : { running: { work, discovery: 'waiting' } };
}

function entryOne(phase: DatasetPhase): DatasetEntry {
  return {
    datasetId: 1,
    address: 'project/one',
    phase,
    backlog: undefined,
    failure: undefined,
    granted: false,
    told: false,
    deleting: false,
    spawnedInLook: 1,
    reportSeq: 0,
  };
}

/** A supervisor that rests in a state, with an actor for dataset 1 (none once everything is released). */
function at(row: Row, context: Partial<Snapshot['context']> = {}): Snapshot {
  const idle = supervisorMachine.resolveState({ value: valueAt('running.work.idle'), context: CONTEXT });
  const [spawned] = transition(supervisorMachine, idle, EVENTS['dataset.tell to one with an actor']);
  const hasActor = row !== 'releasing';
  const resolved = supervisorMachine.resolveState({
    value: valueAt(row),
    context: {
      ...CONTEXT,
      datasets: hasActor ? [entryOne(PHASES[row])] : [],
      pauseReasons: row === 'paused' ? ['old'] : [],
      ...context,
    },
  });
  return { ...resolved, children: hasActor ? spawned.children : {} };
}

interface SeenAction {
  readonly type: string;
  readonly params: unknown;
}

/** The events sent to the actor of dataset 1. */
function sentToOne(actions: readonly SeenAction[]): DatasetEvent[] {
  return actions.flatMap(({ type, params }) => {
    if (type !== 'xstate.sendTo') return [];
    const { event, targetId } = params as { readonly event: DatasetEvent; readonly targetId?: string };
    return targetId === undefined || targetId === 'dataset:1' ? [event] : [];
  });
}

function notesOf(before: Snapshot, after: Snapshot, actions: readonly SeenAction[]): Note[] {
  const [was, is] = [before.context, after.context];
  const sent = sentToOne(actions).map((event) => event.type);
  const hasSpawned = entryOf(is, 9) !== undefined && after.children['dataset:9'] !== undefined;
  const isReported = (entryOf(is, 1)?.reportSeq ?? 0) > 0;
  const facts: Record<Note, boolean> = {
    'adds the reason': is.pauseReasons.length > was.pauseReasons.length,
    'removes the reason': is.pauseReasons.length < was.pauseReasons.length,
    'pauses all': sent.includes('dataset.pause'),
    'resumes all': sent.includes('dataset.resume'),
    'passes it on': sent.includes('dataset.changed'),
    'spawns an actor': hasSpawned,
    'queues for an actor': is.waiting.some(({ datasetId }) => datasetId === 9),
    'records the report': isReported,
    'gives a place': entryOf(is, 1)?.granted === true && sent.includes('dataset.proceed'),
    'lets the actor go':
      entryOf(was, 1) !== undefined && entryOf(is, 1) === undefined && !('dataset:1' in after.children),
    'remembers to look again': is.lookAgain,
    'records the failure': is.failure !== undefined,
  };
  return (Object.keys(facts) as Note[]).filter((note) => facts[note]);
}

const ROWS = Object.keys(TABLE) as Row[];
const COLUMNS = Object.keys(EVENTS) as Column[];

describe.each(ROWS)('a supervisor in %s', (row) => {
  test.each(COLUMNS)('answers %s as the table says', (column) => {
    const cell = TABLE[row][column];
    const [target, ...notes] = typeof cell === 'string' ? [cell] : cell;
    const before = at(row);
    const [after, actions] = transition(supervisorMachine, before, EVENTS[column]);
    expect(leavesOf(after.value)).toContain(target);
    expect(notesOf(before, after, actions).sort()).toEqual([...notes].sort());
  });
});

test('no state loops without an event, whatever the datasets do, and none rests where it only passes through', () => {
  const phases: readonly DatasetPhase[] = [
    'checking',
    'queued',
    'processing',
    'repairing',
    'rebuilding',
    'idle',
    'paused',
  ];
  const endings = ['takeLease', 'ensureCatalog', 'listDatasets', 'releaseLease'].flatMap((id) => [
    { type: `xstate.done.actor.${id}`, actorId: id, output: [] } as const,
    { type: `xstate.error.actor.${id}`, actorId: id, error: new Error('broken') } as const,
  ]);
  let longest = 0;
  for (const row of ROWS) {
    for (const phase of phases) {
      for (const pauseReasons of [[], ['old']]) {
        for (const event of [...Object.values(EVENTS), ...endings]) {
          const datasets = row === 'releasing' ? [] : [entryOne(phase)];
          const steps = getMicrosteps(
            supervisorMachine,
            at(row, { datasets, pauseReasons }),
            event as SupervisorEvent,
          );
          longest = Math.max(longest, steps.length);
          for (const leaf of leavesOf(steps.at(-1)?.[0].value ?? 'stopped')) {
            expect([...ROWS, 'stopped']).toContain(leaf);
          }
        }
      }
    }
  }
  expect(longest).toBeLessThanOrEqual(8);
}, 300_000);

test('a loop without an event would end in an error instead of hanging the process', () => {
  expect(supervisorMachine.options.maxIterations).toBe(1_000);
});
