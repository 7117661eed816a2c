import { describe, expect, test } from 'bun:test';
import { getMicrosteps, type SnapshotFrom, type StateValueFrom, transition } from 'xstate';
import { machineModel } from '../../src/actors/machine-model.ts';
import { type WatcherContext, type WatcherEvent, watcherMachine } from '../../src/actors/watcher-machine.ts';
import { DEFAULT_WATCHER_SETTINGS } from '../../src/actors/watcher-setup.ts';
import { SynclineError } from '../../src/domain/errors.ts';
import { type LeafPath, leavesOf } from './state-paths.ts';

/*
 * Every state × every event of the watcher. Its two regions go on at once: what the one does with an event does not depend on where
 * the other stands, so each has a table. The compiler refuses a missing row and a missing column.
 */

type Leaf = LeafPath<StateValueFrom<typeof watcherMachine>>;
type WatchRow = Extract<Leaf, `active.watch.${string}`>;
type DeltaRow = Extract<Leaf, `active.deltas.${string}`>;
type Column =
  | WatcherEvent['type']
  | 'handed on'
  | 'not handed on: waiting helps'
  | 'not handed on: waiting does not help'
  | 'quiet for a while'
  | 'unquiet for too long'
  | 'wait over'
  | 'watch wait over';
/** `undefined`: nobody sends that there. */
type Cell<Row> = Row | 'stopped' | undefined;

const nothing = {
  'handed on': undefined,
  'not handed on: waiting helps': undefined,
  'not handed on: waiting does not help': undefined,
  'quiet for a while': undefined,
  'unquiet for too long': undefined,
  'wait over': undefined,
  'watch wait over': undefined,
};

const WATCH: Record<WatchRow, Record<Column, Cell<WatchRow>>> = {
  'active.watch.on.starting': {
    ...nothing,
    'watch.ready': 'active.watch.on.watching',
    'watch.changed': 'active.watch.on.starting',
    'watch.lost': 'active.watch.on.starting',
    'watch.failed': 'active.watch.backingOff',
    'watcher.stop': 'stopped',
  },
  'active.watch.on.watching': {
    ...nothing,
    'watch.ready': 'active.watch.on.watching',
    'watch.changed': 'active.watch.on.watching',
    'watch.lost': 'active.watch.on.watching',
    'watch.failed': 'active.watch.backingOff',
    'watcher.stop': 'stopped',
  },
  // One that was ended may have something to say still: only changes count.
  'active.watch.backingOff': {
    ...nothing,
    'watch.ready': 'active.watch.backingOff',
    'watch.changed': 'active.watch.backingOff',
    'watch.lost': 'active.watch.backingOff',
    'watch.failed': 'active.watch.backingOff',
    'watcher.stop': 'stopped',
    'watch wait over': 'active.watch.on.starting',
  },
};

const DELTAS: Record<DeltaRow, Record<Column, Cell<DeltaRow>>> = {
  'active.deltas.quiet': {
    ...nothing,
    'watch.ready': 'active.deltas.settling.waiting',
    'watch.changed': 'active.deltas.settling.waiting',
    'watch.lost': 'active.deltas.settling.waiting',
    'watch.failed': 'active.deltas.quiet',
    'watcher.stop': 'stopped',
  },
  'active.deltas.settling.waiting': {
    ...nothing,
    'watch.ready': 'active.deltas.settling.waiting',
    'watch.changed': 'active.deltas.settling.waiting',
    'watch.lost': 'active.deltas.settling.waiting',
    'watch.failed': 'active.deltas.settling.waiting',
    'watcher.stop': 'stopped',
    'quiet for a while': 'active.deltas.handingOn',
    'unquiet for too long': 'active.deltas.handingOn',
  },
  'active.deltas.handingOn': {
    ...nothing,
    'watch.ready': 'active.deltas.handingOn',
    'watch.changed': 'active.deltas.handingOn',
    'watch.lost': 'active.deltas.handingOn',
    'watch.failed': 'active.deltas.handingOn',
    'watcher.stop': 'stopped',
    'handed on': 'active.deltas.quiet',
    'not handed on: waiting helps': 'active.deltas.backingOff',
    'not handed on: waiting does not help': 'active.deltas.failed',
  },
  'active.deltas.backingOff': {
    ...nothing,
    'watch.ready': 'active.deltas.backingOff',
    'watch.changed': 'active.deltas.backingOff',
    'watch.lost': 'active.deltas.backingOff',
    'watch.failed': 'active.deltas.backingOff',
    'watcher.stop': 'stopped',
    'wait over': 'active.deltas.handingOn',
  },
  'active.deltas.failed': {
    ...nothing,
    'watch.ready': 'active.deltas.settling.waiting',
    'watch.changed': 'active.deltas.settling.waiting',
    'watch.lost': 'active.deltas.settling.waiting',
    'watch.failed': 'active.deltas.failed',
    'watcher.stop': 'stopped',
  },
};

const VALUES = {
  'active.watch.on.starting': { on: 'starting' },
  'active.watch.on.watching': { on: 'watching' },
  'active.watch.backingOff': 'backingOff',
  'active.deltas.quiet': 'quiet',
  'active.deltas.settling.waiting': { settling: 'waiting' },
  'active.deltas.handingOn': 'handingOn',
  'active.deltas.backingOff': 'backingOff',
  'active.deltas.failed': 'failed',
} as const satisfies Record<WatchRow | DeltaRow, unknown>;

function snapshotAt(
  watch: WatchRow,
  deltas: DeltaRow,
  memory: Partial<WatcherContext> = {},
): SnapshotFrom<typeof watcherMachine> {
  const value = { active: { watch: VALUES[watch], deltas: VALUES[deltas] } };
  return watcherMachine.resolveState({
    value: value as StateValueFrom<typeof watcherMachine>,
    context: {
      address: 'a/b',
      source: 'docs',
      settings: DEFAULT_WATCHER_SETTINGS,
      pendingIds: [],
      isBehind: false,
      eventCount: 0,
      delta: deltas === 'active.deltas.handingOn' ? { ids: ['a'] } : undefined,
      mode: undefined,
      watchFailure: undefined,
      watchFailureCount: 0,
      failure: undefined,
      failureCount: 0,
      deltaCount: 0,
      ...memory,
    },
  });
}

const failure = { code: 'SOURCE_UNREADABLE', message: 'gone', retryable: true, retryAfterMs: undefined };

const EVENTS: Readonly<Record<Column, object>> = {
  'watch.ready': { type: 'watch.ready', mode: 'native' },
  'watch.changed': { type: 'watch.changed', ids: ['b'], eventCount: 1 },
  'watch.lost': { type: 'watch.lost' },
  'watch.failed': { type: 'watch.failed', failure },
  'watcher.stop': { type: 'watcher.stop' },
  'handed on': { type: 'xstate.done.actor.handOn', output: undefined },
  'not handed on: waiting helps': {
    type: 'xstate.error.actor.handOn',
    error: new SynclineError('CATALOG_BUSY', 'busy', { retryable: true }),
  },
  'not handed on: waiting does not help': {
    type: 'xstate.error.actor.handOn',
    error: new SynclineError('MASS_DELETION_REFUSED', 'too much'),
  },
  'quiet for a while': { type: 'xstate.after.settle.watcher.active.deltas.settling.waiting' },
  'unquiet for too long': { type: 'xstate.after.settleMax.watcher.active.deltas.settling' },
  'wait over': { type: 'xstate.after.backoff.watcher.active.deltas.backingOff' },
  'watch wait over': { type: 'xstate.after.watchBackoff.watcher.active.watch.backingOff' },
};

/** The rows of a table as cells, without the holes. */
function cellsOf<Row extends string>(table: Record<Row, Record<Column, Cell<Row>>>) {
  return Object.entries<Record<Column, Cell<Row>>>(table).flatMap(([row, columns]) =>
    Object.entries<Cell<Row>>(columns).flatMap(([column, to]) =>
      to === undefined ? [] : [{ row: row as Row, column: column as Column, to }],
    ),
  );
}

const send = (from: SnapshotFrom<typeof watcherMachine>, column: Column) =>
  transition(watcherMachine, from, EVENTS[column] as WatcherEvent)[0];
const watchRows = Object.keys(WATCH) as WatchRow[];
const deltaRows = Object.keys(DELTAS) as DeltaRow[];

describe('a watcher', () => {
  test.each(cellsOf(WATCH))('whose watch is in $row and hears $column: $to', ({ row, column, to }) => {
    for (const deltas of deltaRows)
      expect(leavesOf(send(snapshotAt(row, deltas), column).value)).toContain(to);
  });

  test.each(cellsOf(DELTAS))(
    'whose deltas are in $row and that hears $column: $to',
    ({ row, column, to }) => {
      for (const watch of watchRows) {
        // From a watch that has ended, nothing counts as a beginning.
        const isLate = column === 'watch.ready' && watch === 'active.watch.backingOff';
        expect(leavesOf(send(snapshotAt(watch, row), column).value)).toContain(isLate ? row : to);
      }
    },
  );

  test('has no state that one event passes for ever', () => {
    for (const row of deltaRows)
      for (const event of Object.values(EVENTS)) {
        const steps = getMicrosteps(
          watcherMachine,
          snapshotAt('active.watch.on.watching', row, { pendingIds: undefined }),
          event as WatcherEvent,
        );
        expect(steps.length).toBeLessThanOrEqual(4);
      }
  });

  test('has a name for everything in its definition', () => {
    expect(JSON.stringify(machineModel(watcherMachine))).not.toContain('(inline)');
  });
});
