import { describe, expect, test } from 'bun:test';
import { SynclineError } from '../../src/domain/errors.ts';
import { sha256, toHex } from '../../src/domain/hash.ts';
import type { Embedder } from '../../src/embedders/embedder.ts';
import { embedPending } from '../../src/pipeline/embed-pending.ts';
import { rejectionOf } from '../support/test-runtime.ts';
import { createFakeWork, createSharedTexts, embedAll } from './fake-work.ts';

const never = new AbortController().signal;

const names = (count: number, prefix = 't'): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

/** An embedder that notes what it was sent. */
function counting(embed: Embedder['embed'] = embedAll): { embed: Embedder['embed']; sent: string[][] } {
  const sent: string[][] = [];
  return {
    sent,
    embed: (texts, options) => {
      sent.push([...texts]);
      return embed(texts, options);
    },
  };
}

/** An embedder whose answers wait for the test. */
function gated(): { embed: Embedder['embed']; next: (n: number) => Promise<(error?: unknown) => void> } {
  const gates = new Map<number, PromiseWithResolvers<(error?: unknown) => void>>();
  let count = 0;
  const gateOf = (n: number) => {
    const gate = gates.get(n) ?? Promise.withResolvers<(error?: unknown) => void>();
    gates.set(n, gate);
    return gate;
  };
  return {
    embed: async (texts, options) => {
      count += 1;
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      options.signal?.addEventListener('abort', () => reject(new SynclineError('ABORTED', 'Aborted.')));
      gateOf(count).resolve((error) => (error === undefined ? resolve() : reject(error)));
      await promise;
      return embedAll(texts, options);
    },
    next: (n) => gateOf(n).promise,
  };
}

const refusing =
  (isGuilty: (text: string) => boolean, details: Record<string, unknown> = {}): Embedder['embed'] =>
  async (texts, options) => {
    const guilty = texts.find(isGuilty);
    if (guilty !== undefined)
      throw new SynclineError('EMBEDDING_REQUEST_REFUSED', `No: ${guilty}`, { details });
    return embedAll(texts, options);
  };

test('every text is sent once, in full requests, and stored before it is reported', async () => {
  const { embed, sent } = counting();
  const { log, reports, work } = createFakeWork({ texts: names(10), embed });
  await embedPending(work, never);
  expect(sent.flat().sort()).toEqual(names(10));
  expect(sent.map((texts) => texts.length)).toEqual([4, 4, 2]);
  expect(log).toEqual(['store 4', 'store 4', 'store 2']);
  expect(reports.map(({ type }) => type)).toEqual(['embedded', 'embedded', 'embedded']);
  expect(work.producers.embedding).toBe(0);
});

test('no more requests are in flight than the embedder takes', async () => {
  let [now, most] = [0, 0];
  const embed: Embedder['embed'] = async (texts, options) => {
    now += 1;
    most = Math.max(most, now);
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
    now -= 1;
    return embedAll(texts, options);
  };
  const { work } = createFakeWork({ texts: names(40), embed, limits: { requestsInFlightMax: 3 } });
  await embedPending(work, never);
  expect(most).toBe(3);
});

test('a partly filled request waits while documents still come in, and goes when they end', async () => {
  const { embed, sent } = counting();
  const { addText, work } = createFakeWork({ texts: names(3), embed });
  work.producers.chunking = 1;
  const done = embedPending(work, never);
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  expect(sent).toEqual([]);
  addText('t3');
  work.changed.ring();
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  addText('t4');
  work.producers.chunking = 0;
  work.changed.ring();
  await done;
  expect(sent.flat()).toEqual(names(5));
});

describe('texts of two datasets', () => {
  test('are sent once, by whoever comes first', async () => {
    const shared = createSharedTexts();
    const { embed, sent } = counting();
    const one = createFakeWork({ texts: names(9), embed, shared });
    const two = createFakeWork({ texts: names(9).reverse(), embed, shared });
    await Promise.all([embedPending(one.work, never), embedPending(two.work, never)]);
    expect(sent.flat().sort()).toEqual(names(9));
  });

  test('do not make the two wait for each other, whichever holds which', async () => {
    const shared = createSharedTexts();
    const { embed, sent } = counting();
    const settings = { chunksPerPageMax: 1 };
    const one = createFakeWork({ texts: ['x', 'y'], embed, shared, settings });
    const two = createFakeWork({ texts: ['y', 'x'], embed, shared, settings });
    const both = Promise.all([embedPending(one.work, never), embedPending(two.work, never)]);
    await both;
    expect(sent.flat().sort()).toEqual(['x', 'y']);
  });

  test('that the other fails to embed are embedded here', async () => {
    const shared = createSharedTexts();
    const gate = gated();
    const { embed, sent } = counting();
    const one = createFakeWork({ texts: ['x'], embed: gate.embed, shared });
    const two = createFakeWork({ texts: ['x'], embed, shared });
    const first = embedPending(one.work, never);
    const fail = await gate.next(1);
    const second = embedPending(two.work, never);
    fail(new SynclineError('PROVIDER_QUOTA', 'Nothing left.'));
    expect(await rejectionOf(first)).toMatchObject({ message: expect.stringContaining('Nothing left.') });
    await second;
    expect(sent).toEqual([['x']]);
  });
});

describe('a refused request', () => {
  test('is halved until the guilty text stands alone; it is given up after its attempts, the others are stored', async () => {
    const { attempts, reports, work } = createFakeWork({
      texts: names(8),
      embed: refusing((text) => text === 't5'),
      settings: { textAttemptsMax: 3 },
    });
    await embedPending(work, never);
    expect([...attempts]).toEqual([['t5', -1]]);
    expect(await work.catalog.listPendingChunks(1, { afterChunkId: 0, limit: 9, textLengthMax: 9 })).toEqual(
      [],
    );
    const failed = reports.flatMap((report) => (report.type === 'textFailed' ? [report.gaveUp] : []));
    expect(failed).toEqual([false, false, true]);
  });

  test('of every text is the fault of the provider: after a few nobody else is charged', async () => {
    const { attempts, work } = createFakeWork({
      texts: names(30),
      embed: refusing((text) => text !== 'probe', { status: 400 }),
      limits: { requestsInFlightMax: 1 },
    });
    expect(await rejectionOf(embedPending(work, never))).toMatchObject({ code: 'PROVIDER_FAILED' });
    expect(attempts.size).toBe(3);
  });

  test('of one text alone is not sent again: whether it is the text, another one tells', async () => {
    for (const reason of [{ status: 400 }, { status: 429 }, { status: 500, failsAlways: true }]) {
      const { embed, sent } = counting(refusing((text) => text === 't0', reason));
      const { attempts, work } = createFakeWork({ texts: names(1), embed });
      await embedPending(work, never);
      expect(sent).toEqual([['t0'], ['probe']]);
      expect([...attempts]).toEqual([['t0', -1]]);
    }
  });

  test('of one text alone charges nobody where nothing else is accepted', async () => {
    const { embed, sent } = counting(refusing(() => true, { status: 400 }));
    const { attempts, work } = createFakeWork({ texts: names(1), embed });
    expect(await rejectionOf(embedPending(work, never))).toMatchObject({
      code: 'PROVIDER_FAILED',
      message: expect.stringContaining('refused a text and accepted none'),
    });
    expect(sent).toEqual([['t0'], ['probe']]);
    expect(attempts.size).toBe(0);
  });
});

describe('a failure of the provider', () => {
  test('charges nobody, keeps what others in flight are answered, and frees every text', async () => {
    const gate = gated();
    const { attempts, log, work } = createFakeWork({ texts: names(12), embed: gate.embed });
    const done = embedPending(work, never);
    const [first, second] = await Promise.all([gate.next(1), gate.next(2)]);
    first(new SynclineError('PROVIDER_AUTH', 'Wrong key.'));
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    second();
    expect(await rejectionOf(done)).toMatchObject({ code: 'PROVIDER_AUTH' });
    expect(log).toEqual(['store 4']);
    expect(attempts.size).toBe(0);
    for (const name of names(12))
      expect(work.inFlightTexts.look().claim(1, toHex(sha256(name)))).toBeUndefined();
  });

  test('that comes while the catalog is asked whether more is pending is told all the same', async () => {
    const { embed, next } = gated();
    const { work } = createFakeWork({ texts: ['a'], embed });
    const run = embedPending(work, never);
    const fail = await next(1);
    const { listPendingChunks } = work.catalog;
    Object.assign(work.catalog, {
      async listPendingChunks(...asked: Parameters<typeof listPendingChunks>) {
        fail(new SynclineError('PROVIDER_FAILED', 'Away.'));
        await new Promise((resolve) => setImmediate(resolve));
        return (await listPendingChunks(...asked)).filter(({ embeddedText }) => embeddedText !== 'a');
      },
    });
    work.changed.ring();
    expect(await rejectionOf(run)).toMatchObject({ code: 'PROVIDER_FAILED' });
  });
});

test('held: what is in flight is stored, nothing new is sent, and every text is freed', async () => {
  const gate = gated();
  const { embed, sent } = counting(gate.embed);
  const { log, work } = createFakeWork({ texts: names(20), embed });
  const done = embedPending(work, never);
  const [first, second] = await Promise.all([gate.next(1), gate.next(2)]);
  work.hold.active = true;
  work.changed.ring();
  first();
  second();
  await done;
  expect(sent).toHaveLength(2);
  expect(log).toEqual(['store 4', 'store 4']);
  for (const name of names(20))
    expect(work.inFlightTexts.look().claim(1, toHex(sha256(name)))).toBeUndefined();
});

test('aborted: requests in flight are given up, nobody is charged, and every text is freed', async () => {
  const gate = gated();
  const abort = new AbortController();
  const { attempts, work } = createFakeWork({ texts: names(20), embed: gate.embed });
  const done = embedPending(work, abort.signal);
  await gate.next(2);
  abort.abort();
  expect(await rejectionOf(done)).toMatchObject({ code: 'ABORTED' });
  expect(attempts.size).toBe(0);
  for (const name of names(20))
    expect(work.inFlightTexts.look().claim(1, toHex(sha256(name)))).toBeUndefined();
});

test('a text is held back for others only so long, also while a source that gives nothing is open', async () => {
  const { embed, sent } = counting();
  const { work } = createFakeWork({ texts: ['t0'], embed, settings: { requestDelayMaxMs: 5 } });
  work.producers.ingesting = 1;
  // It ends although the source never does: nothing else is pending.
  await embedPending(work, never);
  expect(sent).toEqual([['t0']]);
});

test('a text that another dataset stored after it was read as pending is not sent again', async () => {
  const shared = createSharedTexts();
  const { embed, sent } = counting();
  const one = createFakeWork({ shared, texts: ['same'], embed });
  const two = createFakeWork({ shared, texts: ['same'], embed });
  // The answer to the first question is under way for as long as the other dataset takes to embed the text.
  const { catalog } = two.work;
  let isFirst = true;
  const slowCatalog: typeof catalog = Object.assign(Object.create(catalog), {
    listPendingChunks: async (...args: Parameters<typeof catalog.listPendingChunks>) => {
      const page = await catalog.listPendingChunks(...args);
      if (isFirst) {
        isFirst = false;
        await embedPending(one.work, never);
      }
      return page;
    },
  });
  await embedPending({ ...two.work, catalog: slowCatalog }, never);
  expect(sent).toEqual([['same']]);
});
