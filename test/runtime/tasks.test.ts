import { describe, expect, test } from 'bun:test';
import { rejectionOf, startTestRuntime } from '../support/test-runtime.ts';

const documents = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    key: `${index}`,
    content: `words of ${index}`,
    metadata: { parity: index % 2 === 0 ? 'even' : 'odd' },
  }));

describe('tasks', () => {
  test('tell their id at once, are listed newest first in pages, and waited for', async () => {
    const { runtime } = await startTestRuntime();
    const dataset = runtime.dataset('docs/one');
    const ids: number[] = [];
    const onTask = (id: number): unknown => ids.push(id);
    await dataset.ingest(documents(3), { onTask });
    await dataset.rebuild({ onTask });
    await dataset.check({ level: 'rows', onTask });
    expect(ids).toHaveLength(3);
    const first = await runtime.tasks.list({ limit: 2 });
    expect(first.items.map(({ kind, state }) => [kind, state])).toEqual([
      ['check', 'succeeded'],
      ['rebuild', 'succeeded'],
    ]);
    const second = await runtime.tasks.list({ limit: 2, ...(first.next && { after: first.next }) });
    expect(second.items).toMatchObject([{ taskId: ids[0], kind: 'ingest', progress: { addedCount: 3 } }]);
    expect(second.next).toBeUndefined();
    expect(await runtime.tasks.wait(ids[1] ?? 0)).toMatchObject({
      kind: 'rebuild',
      progress: { rowCount: 3 },
    });
    expect(await rejectionOf(runtime.tasks.get(4711))).toMatchObject({ code: 'TASK_NOT_FOUND' });
    expect(await rejectionOf(runtime.tasks.list({ kind: '\0' }))).toMatchObject({ code: 'INVALID_OPTION' });
  });

  test('end when they are cancelled, and what they had done is kept', async () => {
    const { runtime, provider } = await startTestRuntime();
    const dataset = runtime.dataset('docs/one');
    await dataset.create();
    provider.misbehave({ kind: 'hang' });
    const listed = Promise.withResolvers<number>();
    const ingesting = rejectionOf(dataset.ingest(documents(3), { mode: 'sync', onTask: listed.resolve }));
    const taskId = await listed.promise;
    expect(await runtime.tasks.wait(taskId, { timeoutMs: 1 })).toMatchObject({ state: 'running' });
    await runtime.tasks.cancel(taskId);
    expect(await ingesting).toMatchObject({ code: 'ABORTED' });
    expect(await runtime.tasks.wait(taskId)).toMatchObject({ state: 'cancelled' });
    expect(await rejectionOf(runtime.tasks.cancel(taskId))).toMatchObject({ code: 'TASK_NOT_RUNNING' });
    expect((await dataset.documents()).items).toHaveLength(3);
  }, 120_000);
});

describe('documents', () => {
  test('are listed in pages, read with their content, and deleted by a filter', async () => {
    const { runtime } = await startTestRuntime();
    const dataset = runtime.dataset('docs/one');
    await dataset.create({ fields: { parity: 'string' } });
    await dataset.ingest(documents(60));
    const first = await dataset.documents({ limit: 40 });
    const second = await dataset.documents({ limit: 40, ...(first.next && { after: first.next }) });
    expect([first.items.length, second.items.length, second.next]).toEqual([40, 20, undefined]);
    expect(await dataset.document('7')).toMatchObject({
      content: 'words of 7',
      revision: 1,
      contentLength: 10,
    });
    expect(await rejectionOf(dataset.document({ source: 'other', key: '7' }))).toMatchObject({
      code: 'DOCUMENT_NOT_FOUND',
    });
    const removed = await dataset.deleteMatching({ op: 'eq', field: 'parity', value: 'odd' });
    expect(removed).toEqual({ removedCount: 30 });
    expect((await dataset.search('words', { mode: 'text', limit: 100 })).length).toBe(30);
    expect(await rejectionOf(dataset.documents({ limit: 501 }))).toMatchObject({ code: 'INVALID_OPTION' });
    expect(await rejectionOf(dataset.documents({ after: 'x' }))).toMatchObject({ code: 'INVALID_OPTION' });
  });

  test('with large metadata come in shorter pages, and none is left out', async () => {
    const { runtime } = await startTestRuntime();
    const dataset = runtime.dataset('docs/one');
    await dataset.ingest(
      documents(60).map((document) => ({ ...document, metadata: { large: 'x'.repeat(200_000) } })),
    );
    let after: string | undefined;
    const lengths: number[] = [];
    do {
      const page = await dataset.documents({ limit: 50, ...(after && { after }) });
      lengths.push(page.items.length);
      after = page.next;
    } while (after !== undefined);
    expect(lengths[0]).toBeLessThan(50);
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBe(60);
  });
});
