import { describe, expect, test } from 'bun:test';
import { entryOf } from '../../src/actors/supervisor-context.ts';
import { refused, supervisorsOfTests, unreachable } from './supervisor-harness.ts';

/* Who works when not all can at once: a real supervisor with real dataset actors on fakes; the clock stands still unless it is moved. */

const create = supervisorsOfTests();

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
    await until(({ context }) => context.datasets.filter(({ phase }) => phase === 'queued').length === 3);
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

describe('more datasets than actors', () => {
  test('all get their work done, and the bound is kept', async () => {
    const { actor, add, datasets, most, until } = create({ datasetActorsMax: 3 });
    add(...Array.from({ length: 12 }, () => ({ waiting: 1 })));
    actor.start();
    await until(({ context }) => context.hasLooked && context.waiting.length === 0);
    await until(({ context }) => context.datasets.every(({ phase }) => phase === 'idle'));
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
    const resting = ids.find((id) => entryOf(actor.getSnapshot().context, id) === undefined) ?? 0;
    change(resting);
    await until(({ context }) => entryOf(context, resting)?.phase === 'idle');
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
