import { describe, expect, test } from 'bun:test';
import { entryOf } from '../../src/actors/supervisor-context.ts';
import { supervisorsOfTests, unreachable } from './supervisor-harness.ts';

/* What a supervisor is told: a real supervisor with real dataset actors on fakes; the clock stands still unless it is moved. */

const create = supervisorsOfTests();

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

  test('tells many datasets over several turns, and what was not told yet is called off by a resume', async () => {
    const { actor, add, clock, phase, reports, until, untilState } = create();
    const ids = add(...Array.from({ length: 80 }, () => ({})));
    actor.start();
    await untilState('idle');
    const pausedCount = (): number => ids.filter((id) => phase(id) === 'paused').length;
    actor.send({ type: 'supervisor.pause', reason: 'user' });
    await until(() => pausedCount() > 0);
    expect(pausedCount()).toBe(32);
    clock.increment(12);
    await until(() => pausedCount() === 64);
    actor.send({ type: 'supervisor.resume', reason: 'user' });
    clock.increment(24);
    await until(({ context }) => context.datasets.every((entry) => entry.phase === 'idle'));
    await untilState('idle');
    expect(reports).not.toContain(`${ids.at(-1)} paused`);
  });

  test('leaves nobody behind that moves up in the row between a pause and its end', async () => {
    const { actor, add, clock, phase, tell, until, untilState } = create();
    const ids = add(...Array.from({ length: 40 }, () => ({})));
    const [first = 0] = ids;
    actor.start();
    await untilState('idle');
    actor.send({ type: 'supervisor.pause', reason: 'user' });
    tell(first, { type: 'dataset.delete' });
    await until(({ context }) => context.datasets.length === 39);
    actor.send({ type: 'supervisor.resume', reason: 'user' });
    clock.increment(24);
    await until(() => ids.slice(1).every((id) => phase(id) === 'idle'));
    await untilState('idle');
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
    await until(({ context }) => entryOf(context, one) === undefined);
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
