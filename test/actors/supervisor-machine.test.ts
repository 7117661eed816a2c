import { afterEach, describe, expect, test } from 'bun:test';
import type { SupervisorSettings } from '../../src/actors/supervisor-machine.ts';
import { SynclineError } from '../../src/domain/errors.ts';
import { createSupervisorHarness, type SupervisorHarness } from './supervisor-harness.ts';

/* A real supervisor with real dataset actors on fakes; the clock stands still unless it is moved. */

const running: SupervisorHarness[] = [];

function create(settings: Partial<SupervisorSettings> = {}): SupervisorHarness {
  const harness = createSupervisorHarness(settings);
  running.push(harness);
  return harness;
}

afterEach(() => {
  for (const { actor } of running.splice(0)) actor.stop();
});

const unreachable = () => new SynclineError('CATALOG_UNREACHABLE', 'No answer.', { retryable: true });
const refused = () => new SynclineError('PROFILE_MISMATCH', 'Wrong key.');

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

describe('places at work', () => {
  test('are bounded, and everybody gets one in the end', async () => {
    const { actor, add, datasets, most, untilState } = create({ datasetsAtWorkMax: 3 });
    add(...Array.from({ length: 20 }, (_, n) => ({ waiting: n + 1 })));
    actor.start();
    await untilState('idle');
    expect(most.writing).toBe(3);
    expect([...datasets.values()].map(({ waiting }) => waiting)).toEqual(Array.from({ length: 20 }, () => 0));
  });

  test.each([
    ['largestBacklog', [1, 3, 4, 2]],
    ['oldestChange', [1, 2, 4, 3]],
  ] as const)('go by %s', async (datasetOrder, order) => {
    const { actor, add, finish, holdWrites, started, until, untilState } = create({
      datasetOrder,
      datasetsAtWorkMax: 1,
    });
    const [first = 0] = add({ waiting: 1, oldestChangeAtMs: 9 });
    holdWrites(first);
    actor.start();
    await untilState('processing');
    add(
      { waiting: 5, oldestChangeAtMs: 1 },
      { waiting: 50, oldestChangeAtMs: 8 },
      { waiting: 20, oldestChangeAtMs: 4 },
    );
    actor.send({ type: 'datasets.changed' });
    await until(
      ({ context }) => Object.values(context.datasets).filter(({ phase }) => phase === 'queued').length === 3,
    );
    await finish(first);
    await untilState('idle');
    expect(started).toEqual([...order]);
  });

  test('of one that is paused, deleted or breaks while it waits or works go to the next', async () => {
    const { actor, add, datasets, finish, holdWrites, tell, untilPhase, untilState } = create({
      datasetsAtWorkMax: 1,
    });
    const [works = 0, pauses = 0, goes = 0, breaks = 0, last = 0] = add(
      { waiting: 9 },
      { waiting: 8 },
      { waiting: 7 },
      { waiting: 6 },
      { waiting: 5 },
    );
    holdWrites('all');
    actor.start();
    await untilPhase(works, 'processing');
    await untilPhase(last, 'queued');
    tell(pauses, { type: 'dataset.pause', reason: 'user' });
    await finish(works);
    await untilPhase(goes, 'processing');
    tell(goes, { type: 'dataset.delete' });
    await untilPhase(breaks, 'processing');
    const broken = datasets.get(breaks);
    if (broken !== undefined) broken.isBroken = true;
    await finish(breaks);
    await untilPhase(last, 'processing');
    await finish(last);
    await untilState('idle');
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
    await until(({ context }) => context.datasets[late]?.phase === 'idle');
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
    await until(({ context }) => context.datasets[goes] === undefined);
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
    expect(actor.getSnapshot().context.datasets[bad]?.failure?.code).toBe('PROFILE_MISMATCH');
  });

  test('whose machine breaks is spawned again at the next look, paused if it was paused', async () => {
    const { actor, add, datasets, letGo, tell, until, untilPhase, untilState } = create();
    const [bad = 0, good = 0] = add({}, {});
    actor.start();
    await untilState('idle');
    const broken = datasets.get(bad);
    if (broken !== undefined) broken.isBroken = true;
    tell(bad, { type: 'dataset.pause', reason: 'user' });
    await until(({ context }) => context.datasets[bad] === undefined);
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

describe('more datasets than actors', () => {
  test('all get their work done, and the bound is kept', async () => {
    const { actor, add, datasets, most, until } = create({ datasetActorsMax: 3 });
    add(...Array.from({ length: 12 }, () => ({ waiting: 1 })));
    actor.start();
    await until(({ context }) => context.hasLooked && context.waiting.length === 0);
    await until(({ context }) => Object.values(context.datasets).every(({ phase }) => phase === 'idle'));
    expect(most.actors).toBe(3);
    expect([...datasets.values()].every(({ waiting }) => waiting === 0)).toBe(true);
  });

  test('those that were let go of rest through further looks, and come back when they are told something', async () => {
    const { actor, add, change, clock, datasets, reports, sources, until, untilState } = create({
      datasetActorsMax: 2,
      pollIntervalMs: 1_000,
    });
    const ids = add(...Array.from({ length: 5 }, () => ({})));
    actor.start();
    await until(({ context }) => context.hasLooked && context.waiting.length === 0);
    await untilState('idle');
    const reportCount = reports.length;
    clock.increment(1_000);
    await sources.listDatasets.call(2);
    await until(({ value }) => JSON.stringify(value).includes('"discovery":"waiting"'));
    expect(reports).toHaveLength(reportCount);
    const resting = ids.find((id) => actor.getSnapshot().context.datasets[id] === undefined) ?? 0;
    change(resting);
    await until(({ context }) => context.datasets[resting]?.phase === 'idle');
    expect(datasets.get(resting)?.waiting).toBe(0);
  });

  test('one that is gone makes room', async () => {
    const { actor, add, datasets, tell, until, untilPhase } = create({ datasetActorsMax: 1 });
    const [goes = 0] = add({ waiting: 1, error: refused() });
    actor.start();
    await untilPhase(goes, 'backingOff');
    const [waits = 0] = add({ waiting: 1 });
    tell(waits, { type: 'dataset.changed' });
    tell(goes, { type: 'dataset.delete' });
    await until(() => datasets.get(waits)?.waiting === 0);
  });

  test('the one that has been idle for longest makes room', async () => {
    const { actor, add, change, letGo, untilPhase, untilState } = create({ datasetActorsMax: 2 });
    const [one = 0, two = 0] = add({}, {});
    actor.start();
    await untilPhase(one, 'idle');
    await untilPhase(two, 'idle');
    change(one);
    await untilPhase(one, 'measuring');
    await untilPhase(one, 'idle');
    const [three = 0] = add({});
    change(three);
    await untilPhase(three, 'idle');
    await untilState('idle');
    expect(letGo).toEqual([two]);
  });

  test('an idle one that was just told of a change is not let go of', async () => {
    const { actor, add, change, datasets, untilState, until } = create({ datasetActorsMax: 1 });
    const [one = 0] = add({});
    actor.start();
    await untilState('idle');
    const [two = 0] = add({});
    // Both reach the supervisor within one turn of its own: the second is decided before the first one's actor has reported.
    let isFirst = true;
    const { unsubscribe } = actor.subscribe(() => {
      if (!isFirst) return;
      isFirst = false;
      change(one);
      change(two);
    });
    actor.send({ type: 'datasets.changed' });
    unsubscribe();
    await until(({ context }) => context.waiting.length === 0);
    await untilState('idle');
    await until(() => datasets.get(two)?.waiting === 0);
    expect(datasets.get(one)?.waiting).toBe(0);
  });

  test('nobody starves behind those that are parked, paused or back off', async () => {
    const { actor, add, clock, datasets, phase, tell, until, untilPhase } = create({
      datasetActorsMax: 3,
      pollIntervalMs: 1_000,
    });
    const [parks = 0, pauses = 0, backsOff = 0] = add(
      { waiting: 1, error: refused() },
      { waiting: 1 },
      { waiting: 1, error: unreachable() },
    );
    tell(pauses, { type: 'dataset.pause', reason: 'user' });
    actor.start();
    for (let n = 0; n < 3; n += 1) {
      await untilPhase(parks, n === 2 ? 'parked' : 'backingOff');
      await untilPhase(backsOff, 'backingOff');
      if (n < 2) clock.increment(n === 0 ? 100 : 200);
    }
    await untilPhase(backsOff, 'backingOff');
    expect([phase(parks), phase(pauses)]).toEqual(['parked', 'paused']);
    const late = add({ waiting: 1 }, { waiting: 1 }, { waiting: 1 });
    const failing = datasets.get(backsOff);
    if (failing !== undefined) failing.error = undefined;
    actor.send({ type: 'datasets.changed' });
    await until(() => late.every((id) => datasets.get(id)?.waiting === 0));
    // The one that was backing off still has something to do; it comes back by itself.
    await until(() => failing?.waiting === 0);
    // The paused one stays paused, and works when it is resumed.
    expect(datasets.get(pauses)?.waiting).toBe(1);
    tell(pauses, { type: 'dataset.resume', reason: 'user' });
    await until(() => datasets.get(pauses)?.waiting === 0);
  });
});

describe('pausing', () => {
  test('holds everybody until every reason is gone', async () => {
    const { actor, add, change, datasets, finish, holdWrites, phase, untilPhase, untilState } = create({
      datasetsAtWorkMax: 1,
    });
    const [one = 0, two = 0] = add({ waiting: 9 }, { waiting: 1 });
    holdWrites(one);
    actor.start();
    await untilPhase(one, 'processing');
    await untilPhase(two, 'queued');
    actor.send({ type: 'supervisor.pause', reason: 'user' });
    actor.send({ type: 'supervisor.pause', reason: 'disk' });
    expect(actor.getSnapshot().hasTag('paused')).toBe(true);
    await untilPhase(two, 'paused');
    expect(phase(one)).toBe('processing');
    await finish(one);
    await untilPhase(one, 'paused');
    change(two);
    actor.send({ type: 'supervisor.resume', reason: 'user' });
    actor.send({ type: 'supervisor.resume', reason: 'nobody' });
    expect(actor.getSnapshot().value).toBe('paused');
    expect(datasets.get(two)?.waiting).toBe(2);
    actor.send({ type: 'supervisor.resume', reason: 'disk' });
    await untilState('idle');
    expect(datasets.get(two)?.waiting).toBe(0);
  });

  test('is not ended by the other kind: a dataset paused by its user stays so when the supervisor resumes', async () => {
    const { actor, add, phase, tell, untilPhase, untilState } = create();
    const [one = 0] = add({ waiting: 1 });
    tell(one, { type: 'dataset.pause', reason: 'user' });
    actor.start();
    await untilPhase(one, 'paused');
    actor.send({ type: 'supervisor.pause', reason: 'user' });
    actor.send({ type: 'supervisor.resume', reason: 'user' });
    await untilState('idle');
    expect(phase(one)).toBe('paused');
    tell(one, { type: 'dataset.resume', reason: 'user' });
    await untilPhase(one, 'idle');
  });

  test('a dataset told of a change while all are paused gets an actor that says so, and works afterwards', async () => {
    const { actor, add, change, datasets, untilPhase, untilState } = create();
    actor.start();
    await untilState('idle');
    actor.send({ type: 'supervisor.pause', reason: 'user' });
    const [late = 0] = add({});
    change(late);
    await untilPhase(late, 'paused');
    expect(datasets.get(late)?.waiting).toBe(1);
    actor.send({ type: 'supervisor.resume', reason: 'user' });
    await untilState('idle');
    expect(datasets.get(late)?.waiting).toBe(0);
  });

  test('a dataset is deleted although all are paused', async () => {
    const { actor, add, reports, tell, until, untilState } = create();
    const [one = 0] = add({});
    actor.start();
    await untilState('idle');
    actor.send({ type: 'supervisor.pause', reason: 'user' });
    tell(one, { type: 'dataset.delete' });
    await until(({ context }) => context.datasets[one] === undefined);
    expect(reports.at(-1)).toBe(`${one} deleted`);
  });

  test('before the start keeps everything from beginning', async () => {
    const { actor, add, phase, sources, untilState } = create();
    const [one = 0] = add({ waiting: 1 });
    sources.takeLease.hold();
    actor.start();
    actor.send({ type: 'supervisor.pause', reason: 'user' });
    sources.takeLease.letGo();
    await untilState('paused');
    expect(phase(one)).toBeUndefined();
    actor.send({ type: 'supervisor.resume', reason: 'user' });
    await untilState('idle');
    expect(phase(one)).toBe('idle');
  });

  test('while the whole backs off reaches the datasets at work at once', async () => {
    const { actor, add, finish, holdWrites, sources, untilPhase, untilState } = create();
    const [one = 0] = add({ waiting: 1 });
    holdWrites(one);
    actor.start();
    await untilPhase(one, 'processing');
    sources.listDatasets.hold();
    actor.send({ type: 'datasets.changed' });
    (await sources.listDatasets.call(2)).fail(unreachable());
    await untilState('backingOff');
    actor.send({ type: 'supervisor.pause', reason: 'user' });
    await finish(one);
    await untilPhase(one, 'paused');
  });
});

describe('nothing told is lost', () => {
  test('before the catalog could be asked for its datasets', async () => {
    const { actor, add, change, sources, untilPhase } = create();
    sources.takeLease.hold();
    sources.listDatasets.hold();
    actor.start();
    const [one = 0] = add({});
    change(one);
    sources.takeLease.letGo();
    await untilPhase(one, 'idle');
    sources.listDatasets.letGo();
  });

  test('while the whole backs off, to a dataset with an actor and to one without', async () => {
    const { actor, add, change, clock, datasets, sources, untilState } = create();
    const [one = 0] = add({});
    actor.start();
    await untilState('idle');
    sources.listDatasets.hold();
    actor.send({ type: 'datasets.changed' });
    (await sources.listDatasets.call(2)).fail(unreachable());
    await untilState('backingOff');
    const [two = 0] = add({});
    change(one);
    change(two);
    sources.listDatasets.letGo();
    clock.increment(100);
    await untilState('idle');
    expect([datasets.get(one)?.waiting, datasets.get(two)?.waiting]).toEqual([0, 0]);
  });
});

describe('stopping', () => {
  test('lets work under way end, starts nothing new, and gives the lease back', async () => {
    const { aborted, actor, add, datasets, finish, holdWrites, sources, until, untilPhase } = create({
      datasetsAtWorkMax: 1,
    });
    const [one = 0, two = 0] = add({ waiting: 9 }, { waiting: 1 });
    holdWrites(one);
    actor.start();
    await untilPhase(one, 'processing');
    await untilPhase(two, 'queued');
    actor.send({ type: 'supervisor.stop' });
    actor.send({ type: 'supervisor.stop' });
    expect(actor.getSnapshot().value).toBe('stopping');
    await finish(one);
    await until((snapshot) => snapshot.status === 'done');
    expect([datasets.get(one)?.waiting, datasets.get(two)?.waiting]).toEqual([0, 1]);
    expect(aborted).toEqual([]);
    expect(sources.releaseLease.callCount()).toBe(1);
    expect(actor.getSnapshot().output).toEqual({ failure: undefined });
  });

  test('aborts at the deadline what has not ended by then', async () => {
    const { aborted, actor, add, clock, holdWrites, until, untilPhase } = create();
    const [one = 0] = add({ waiting: 9 });
    holdWrites(one);
    actor.start();
    await untilPhase(one, 'processing');
    actor.send({ type: 'supervisor.stop' });
    clock.increment(4_999);
    expect(actor.getSnapshot().value).toBe('stopping');
    clock.increment(1);
    await until((snapshot) => snapshot.status === 'done');
    expect(aborted).toEqual([one]);
  });

  test('is not undone by a resume', async () => {
    const { actor, add, datasets, finish, holdWrites, until, untilPhase } = create({ datasetsAtWorkMax: 1 });
    const [one = 0, two = 0] = add({ waiting: 9 }, { waiting: 1 });
    holdWrites(one);
    actor.start();
    await untilPhase(one, 'processing');
    await untilPhase(two, 'queued');
    actor.send({ type: 'supervisor.pause', reason: 'user' });
    actor.send({ type: 'supervisor.stop' });
    actor.send({ type: 'supervisor.resume', reason: 'user' });
    await finish(one);
    await until((snapshot) => snapshot.status === 'done');
    expect(datasets.get(two)?.waiting).toBe(1);
  });

  test('works while the whole backs off', async () => {
    const { actor, sources, until, untilState } = create();
    sources.takeLease.hold();
    actor.start();
    (await sources.takeLease.call(1)).fail(unreachable());
    await untilState('backingOff');
    actor.send({ type: 'supervisor.stop' });
    await until((snapshot) => snapshot.status === 'done');
    expect(sources.releaseLease.callCount()).toBe(1);
  });

  test('ends with the failure when the lease cannot be given back', async () => {
    const { actor, sources, until, untilState } = create();
    actor.start();
    await untilState('idle');
    sources.releaseLease.hold();
    actor.send({ type: 'supervisor.stop' });
    (await sources.releaseLease.call(1)).fail(unreachable());
    await until((snapshot) => snapshot.status === 'done');
    expect(actor.getSnapshot().output?.failure?.code).toBe('CATALOG_UNREACHABLE');
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
