import { describe, expect, test } from 'bun:test';
import { getMicrosteps, type SnapshotFrom, type StateValueFrom, transition } from 'xstate';
import type { Failure } from '../../src/actors/failure.ts';
import {
  DEFAULT_PROVIDER_SETTINGS,
  type FailedRequest,
  type ProviderEvent,
  providerMachine,
} from '../../src/actors/provider-machine.ts';
import { type LeafPath, leavesOf } from './state-paths.ts';

/*
 * Every state × every event of the provider machine. The compiler refuses a missing row and a missing column; failures have a
 * column for each kind, since the kind decides.
 */

type Row = LeafPath<StateValueFrom<typeof providerMachine>>;
type Fault = 'rate limit' | 'longer rate limit' | 'far longer rate limit' | 'blip' | 'outage';
type Column =
  | Exclude<ProviderEvent['type'], 'request.failed' | 'probe.failed'>
  | `request.failed: ${Fault}`
  | `probe.failed: ${Fault}`;

/** What happens besides the change of state. */
type Note =
  | 'pauses'
  | 'pauses for longer'
  | 'opens the circuit'
  | 'counts pauses anew'
  | 'counts no more failures'
  | 'forgets the failure';
type Cell = Row | readonly [Row, ...Note[]];

/** Only the probe is listened to. */
const noProbe = <Here extends Row>(here: Here) =>
  ({
    'probe.began': here,
    'probe.succeeded': here,
    'probe.abandoned': here,
    'probe.failed: rate limit': here,
    'probe.failed: longer rate limit': here,
    'probe.failed: far longer rate limit': here,
    'probe.failed: blip': here,
    'probe.failed: outage': here,
  }) as const;

/** What was under way when the circuit opened changes nothing any more. */
const noRequests = <Here extends Row>(here: Here) =>
  ({
    'request.succeeded': here,
    'request.failed: rate limit': here,
    'request.failed: longer rate limit': here,
    'request.failed: far longer rate limit': here,
    'request.failed: blip': here,
    'request.failed: outage': here,
  }) as const;

const PAUSED: Cell = ['throttled', 'pauses'];
const OPEN: Cell = ['unavailable', 'opens the circuit'];

const TABLE: Record<Row, Record<Column, Cell>> = {
  available: {
    ...noProbe('available'),
    'request.succeeded': [
      'available',
      'counts pauses anew',
      'counts no more failures',
      'forgets the failure',
    ],
    'request.failed: rate limit': PAUSED,
    'request.failed: longer rate limit': PAUSED,
    'request.failed: far longer rate limit': OPEN,
    'request.failed: blip': PAUSED,
    'request.failed: outage': OPEN,
    'provider.retry': 'available',
  },
  // Several that were under way fail together: that is one failure, and the longest pause that any of them asks for.
  throttled: {
    ...noProbe('throttled'),
    'request.succeeded': ['throttled', 'counts pauses anew'],
    'request.failed: rate limit': 'throttled',
    'request.failed: longer rate limit': ['throttled', 'pauses for longer'],
    'request.failed: far longer rate limit': OPEN,
    'request.failed: blip': 'throttled',
    'request.failed: outage': OPEN,
    'provider.retry': 'available',
  },
  unavailable: {
    ...noProbe('unavailable'),
    ...noRequests('unavailable'),
    'provider.retry': 'probing.waiting',
  },
  'probing.waiting': {
    ...noProbe('probing.waiting'),
    ...noRequests('probing.waiting'),
    'probe.began': 'probing.asking',
    'provider.retry': 'probing.waiting',
  },
  'probing.asking': {
    ...noRequests('probing.asking'),
    'probe.began': 'probing.asking',
    'probe.succeeded': ['available', 'counts pauses anew', 'forgets the failure'],
    'probe.abandoned': 'probing.waiting',
    'probe.failed: rate limit': OPEN,
    'probe.failed: longer rate limit': OPEN,
    'probe.failed: far longer rate limit': OPEN,
    'probe.failed: blip': OPEN,
    'probe.failed: outage': OPEN,
    'provider.retry': 'probing.asking',
  },
};

const NOW_MS = 1_000_000;
const failureOf = (code: string, retryable: boolean, retryAfterMs?: number): Failure => ({
  code,
  message: code,
  retryable,
  retryAfterMs,
});
const failed = (failure: Failure): FailedRequest => ({ failure, atMs: NOW_MS, chance: 0.5 });

const FAULTS: Record<Fault, FailedRequest> = {
  'rate limit': failed(failureOf('PROVIDER_RATE_LIMITED', true, 10)),
  'longer rate limit': failed(failureOf('PROVIDER_RATE_LIMITED', true, 20_000)),
  'far longer rate limit': failed(failureOf('PROVIDER_RATE_LIMITED', true, 3_600_000)),
  blip: failed(failureOf('PROVIDER_UNREACHABLE', true)),
  outage: failed(failureOf('PROVIDER_QUOTA', false)),
};

const faultEvents = <Type extends 'request.failed' | 'probe.failed'>(type: Type) =>
  Object.fromEntries(
    Object.entries(FAULTS).map(([name, fault]) => [`${type}: ${name}`, { type, ...fault }]),
  ) as unknown as Record<`${Type}: ${Fault}`, ProviderEvent>;

const EVENTS: Record<Column, ProviderEvent> = {
  'request.succeeded': { type: 'request.succeeded' },
  ...faultEvents('request.failed'),
  ...faultEvents('probe.failed'),
  'probe.began': { type: 'probe.began' },
  'probe.succeeded': { type: 'probe.succeeded' },
  'probe.abandoned': { type: 'probe.abandoned' },
  'provider.retry': { type: 'provider.retry' },
};

type Snapshot = SnapshotFrom<typeof providerMachine>;

const FAILURE = failureOf('PROVIDER_FAILED', true);

/** A machine that rests in a state, after one failure and with a wait that has a second to go where it waits. */
function at(row: Row, context: Partial<Snapshot['context']> = {}): Snapshot {
  const [first = row, second] = row.split('.');
  const waits = row === 'throttled' || row === 'unavailable';
  return providerMachine.resolveState({
    value: second === undefined ? first : { [first]: second },
    context: {
      provider: 'test',
      settings: DEFAULT_PROVIDER_SETTINGS,
      failure: FAILURE,
      failedAtMs: NOW_MS - 1,
      pauseCount: 1,
      openCount: 1,
      waitMs: waits ? 1_000 : 0,
      waitUntilMs: waits ? NOW_MS + 1_000 : undefined,
      ...context,
    },
  });
}

function notesOf({ context: was }: Snapshot, { context: is }: Snapshot): Note[] {
  const facts: Record<Note, boolean> = {
    pauses: is.pauseCount > was.pauseCount,
    'pauses for longer':
      is.openCount === was.openCount && is.pauseCount === was.pauseCount && is.waitMs > was.waitMs,
    'opens the circuit': is.openCount > was.openCount,
    'counts pauses anew': is.pauseCount < was.pauseCount,
    'counts no more failures': is.openCount === 0,
    'forgets the failure': is.failure === undefined,
  };
  return (Object.keys(facts) as Note[]).filter((note) => facts[note]);
}

const ROWS = Object.keys(TABLE) as Row[];
const COLUMNS = Object.keys(EVENTS) as Column[];

describe.each(ROWS)('a provider that is %s', (row) => {
  test.each(COLUMNS)('answers %s as the table says', (column) => {
    const cell = TABLE[row][column];
    const [target, ...notes] = typeof cell === 'string' ? [cell] : cell;
    const before = at(row);
    const [after] = transition(providerMachine, before, EVENTS[column]);
    expect(leavesOf(after.value)).toEqual([target]);
    expect(notesOf(before, after).sort()).toEqual([...notes].sort());
    // Until when it waits is known exactly as long as it waits.
    expect(after.context.waitUntilMs !== undefined).toBe(
      after.matches('throttled') || after.matches('unavailable'),
    );
  });
});

test('no state of a provider loops without an event', () => {
  for (const row of ROWS)
    for (const event of Object.values(EVENTS))
      expect(getMicrosteps(providerMachine, at(row), event).length).toBeLessThanOrEqual(3);
});
