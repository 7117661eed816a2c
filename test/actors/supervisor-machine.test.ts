import { describe, expect, test } from 'bun:test';
import { entryOf } from '../../src/actors/supervisor-context.ts';
import { SynclineError } from '../../src/domain/errors.ts';
import { refused, supervisorsOfTests, unreachable } from './supervisor-harness.ts';

/* What a supervisor does from its start to its end: a real supervisor with real dataset actors on fakes; the clock stands still unless it is moved. */

const create = supervisorsOfTests();

describe('a start', () => {
  test('takes the lease, makes the catalog, checks, processes, rebuilds and becomes idle', async () => {
    const { actor, add, datasets, finish, holdWrites, reports, states, untilState } = create();
    const [large = 0, damaged = 0, empty = 0] = add({ waiting: 9 }, { isSound: false }, {});
    holdWrites(large, damaged);
    actor.start();
    await untilState('processing');
    await finish(large);
    await untilState('rebuilding');
    await finish(damaged);
    await untilState('idle');
    expect(states).toEqual([
      'boot',
      'dbEnsure',
      'syncCheck',
      'processing',
      'rebuilding',
      'processing',
      'idle',
    ]);
    expect([datasets.get(large)?.waiting, datasets.get(damaged)?.isSound]).toEqual([0, true]);
    expect(reports.filter((report) => report.startsWith(`${empty} `))).toEqual([
      `${empty} checking`,
      `${empty} measuring`,
      `${empty} idle`,
    ]);
    expect(actor.getSnapshot().hasTag('ready')).toBe(true);
  });

  test('without any dataset becomes idle', async () => {
    const { actor, untilState } = create();
    actor.start();
    await untilState('idle');
  });

  test('waits out what waiting may mend, longer each time, and tries again from the beginning', async () => {
    const { actor, clock, sources, untilState } = create();
    sources.takeLease.hold();
    actor.start();
    for (const [n, waitMs] of [100, 200, 400, 400].entries()) {
      (await sources.takeLease.call(n + 1)).fail(unreachable());
      await untilState('backingOff');
      expect(actor.getSnapshot().hasTag('error')).toBe(true);
      clock.increment(waitMs - 1);
      expect(actor.getSnapshot().value).toBe('backingOff');
      clock.increment(1);
      expect(actor.getSnapshot().value).toBe('boot');
    }
    sources.takeLease.letGo();
    await untilState('idle');
    expect(actor.getSnapshot().context).toMatchObject({ failure: undefined, failureCount: 0 });
  });

  test('waits longer each time also when only the question for the datasets fails', async () => {
    const { actor, clock, sources, untilState } = create();
    sources.listDatasets.hold();
    actor.start();
    for (const [n, waitMs] of [100, 200, 400].entries()) {
      (await sources.listDatasets.call(n + 1)).fail(unreachable());
      await untilState('backingOff');
      clock.increment(waitMs - 1);
      expect(actor.getSnapshot().value).toBe('backingOff');
      clock.increment(1);
    }
    sources.listDatasets.letGo();
    await untilState('idle');
  });

  test.each(['takeLease', 'ensureCatalog', 'listDatasets'] as const)(
    'that fails for good at %s gives everything back and ends with the failure',
    async (name) => {
      const { actor, sources, until } = create();
      sources[name].hold();
      actor.start();
      (await sources[name].call(1)).fail(new SynclineError('LEASE_HELD', 'Another worker has it.'));
      await until((snapshot) => snapshot.status === 'done');
      expect(sources.releaseLease.callCount()).toBe(1);
      expect(actor.getSnapshot().output?.failure?.code).toBe('LEASE_HELD');
    },
  );

  test('checks many datasets a bounded number at a time', async () => {
    const { actor, add, most, untilState } = create();
    add(...Array.from({ length: 100 }, () => ({})));
    actor.start();
    await untilState('idle');
    expect(most.actors).toBe(100);
    expect(most.checking).toBe(32);
  });
});

describe('looking for datasets', () => {
  test('a new one is found by the poll', async () => {
    const { actor, add, clock, datasets, until, untilState } = create({ pollIntervalMs: 1_000 });
    actor.start();
    await untilState('idle');
    const [late = 0] = add({ waiting: 3 });
    clock.increment(999);
    expect(actor.getSnapshot().value).toEqual({ running: { work: 'idle', discovery: 'waiting' } });
    clock.increment(1);
    await until(({ context }) => entryOf(context, late)?.phase === 'idle');
    expect(datasets.get(late)?.waiting).toBe(0);
  });

  test('a new one is found when the supervisor is told', async () => {
    const { actor, add, untilPhase, untilState } = create();
    actor.start();
    await untilState('idle');
    const [late = 0] = add({ waiting: 3 });
    actor.send({ type: 'datasets.changed' });
    await untilPhase(late, 'idle');
  });

  test('one that appears during a look is found by another look right after', async () => {
    const { actor, add, sources, untilPhase, untilState } = create();
    actor.start();
    await untilState('idle');
    sources.listDatasets.hold();
    actor.send({ type: 'datasets.changed' });
    await sources.listDatasets.call(2);
    const [late = 0] = add({ waiting: 3 });
    actor.send({ type: 'datasets.changed' });
    sources.listDatasets.letGo();
    await untilPhase(late, 'idle');
    expect(sources.listDatasets.callCount()).toBe(3);
  });

  test('one that is marked for deletion is let go of in mid-work, and the others work on', async () => {
    const { aborted, actor, add, datasets, finish, holdWrites, phase, until, untilPhase, untilState } =
      create();
    const [goes = 0, stays = 0] = add({ waiting: 1 }, { waiting: 1 });
    holdWrites(goes, stays);
    actor.start();
    await untilPhase(goes, 'processing');
    await untilPhase(stays, 'processing');
    const listing = datasets.get(goes);
    if (listing !== undefined) listing.isDeleting = true;
    actor.send({ type: 'datasets.changed' });
    await until(({ context }) => entryOf(context, goes) === undefined);
    expect(aborted).toEqual([goes]);
    expect(phase(stays)).toBe('processing');
    await finish(stays);
    await untilState('idle');
  });

  test('one that is not in the catalog any more loses its actor in mid-work', async () => {
    const { actor, add, datasets, holdWrites, letGo, until, untilPhase } = create();
    const [goes = 0] = add({ waiting: 1 });
    holdWrites(goes);
    actor.start();
    await untilPhase(goes, 'processing');
    datasets.delete(goes);
    actor.send({ type: 'datasets.changed' });
    await until(({ children }) => !(`dataset:${goes}` in children));
    expect(letGo).toEqual([goes]);
  });

  test('one that was created after its page was read keeps its actor', async () => {
    const { actor, add, change, datasets, letGo, sources, until, untilState } = create();
    actor.start();
    await untilState('idle');
    sources.listDatasets.hold();
    actor.send({ type: 'datasets.changed' });
    await sources.listDatasets.call(2);
    const [late = 0] = add({});
    change(late);
    sources.listDatasets.letGo();
    await until(({ value }) => JSON.stringify(value).includes('"discovery":"waiting"'));
    await untilState('idle');
    expect(datasets.get(late)?.waiting).toBe(0);
    expect(letGo).toEqual([]);
  });
});

describe('a failing dataset', () => {
  test('backs off by itself and harms nobody', async () => {
    const { actor, add, datasets, phase, untilPhase } = create({ datasetsAtWorkMax: 1 });
    const [bad = 0, good = 0] = add({ waiting: 9, error: refused() }, { waiting: 1 });
    actor.start();
    await untilPhase(bad, 'backingOff');
    await untilPhase(good, 'idle');
    expect(datasets.get(good)?.waiting).toBe(0);
    expect(phase(bad)).toBe('backingOff');
    expect(entryOf(actor.getSnapshot().context, bad)?.failure?.code).toBe('PROFILE_MISMATCH');
  });

  test('whose machine breaks is spawned again at the next look, paused if it was paused', async () => {
    const { actor, add, datasets, letGo, tell, until, untilPhase, untilState } = create();
    const [bad = 0, good = 0] = add({}, {});
    actor.start();
    await untilState('idle');
    const broken = datasets.get(bad);
    if (broken !== undefined) broken.isBroken = true;
    tell(bad, { type: 'dataset.pause', reason: 'user' });
    await until(({ context }) => entryOf(context, bad) === undefined);
    expect(letGo).toEqual([bad]);
    expect(actor.getSnapshot().status).toBe('active');
    if (broken !== undefined) broken.isBroken = false;
    actor.send({ type: 'datasets.changed' });
    await untilPhase(bad, 'paused');
    tell(bad, { type: 'dataset.resume', reason: 'user' });
    await untilPhase(bad, 'idle');
    await untilPhase(good, 'idle');
  });
});

test.each(['processing', 'paused', 'stopping', 'backingOff'])(
  'a lost lease stops everything at once: %s',
  async (state) => {
    const { aborted, actor, add, holdWrites, letGo, sources, until, untilPhase, untilState } = create();
    const [one = 0] = add({ waiting: 9 });
    holdWrites(one);
    actor.start();
    await untilPhase(one, 'processing');
    if (state === 'paused') actor.send({ type: 'supervisor.pause', reason: 'user' });
    if (state === 'stopping') actor.send({ type: 'supervisor.stop' });
    if (state === 'backingOff') {
      sources.listDatasets.hold();
      actor.send({ type: 'datasets.changed' });
      (await sources.listDatasets.call(2)).fail(unreachable());
    }
    await untilState(state);
    const failure = { code: 'LEASE_LOST', message: 'Taken.', retryable: false, retryAfterMs: undefined };
    actor.send({ type: 'lease.lost', failure });
    await until((snapshot) => snapshot.status === 'done');
    expect(actor.getSnapshot().output).toEqual({ failure });
    expect([aborted, letGo]).toEqual([[one], [one]]);
    expect(Object.keys(actor.getSnapshot().children)).toEqual([]);
  },
);
