import { describe, expect, test } from 'bun:test';
import { type EmbeddingServer, startEmbeddingServer } from '../support/embedding-server.ts';

async function post(server: EmbeddingServer, body: unknown): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${server.url}/embeddings`, { method: 'POST', body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}

describe('the stand-in for an embedding provider', () => {
  test('answers one text or several as documented, the same text always alike', async () => {
    await using server = await startEmbeddingServer({ dimensions: 3 });
    const one = await post(server, { model: 'm', input: 'a text' });
    const two = await post(server, { model: 'm', input: ['another', 'a text'], dimensions: 3 });
    expect(one).toMatchObject({
      status: 200,
      body: { object: 'list', model: 'm', usage: { prompt_tokens: 2 } },
    });
    const embedding = (answer: unknown, at: number) =>
      (answer as { data: { embedding: number[] }[] }).data[at]?.embedding;
    expect(embedding(one.body, 0)).toHaveLength(3);
    expect(embedding(two.body, 1)).toEqual(embedding(one.body, 0) as number[]);
    expect(embedding(two.body, 0)).not.toEqual(embedding(one.body, 0) as number[]);
  });

  test('counts requests, inputs and tokens, and the time it was busy once', async () => {
    await using server = await startEmbeddingServer({ latencyMs: 20 });
    await Promise.all([1, 2, 3].map((at) => post(server, { model: 'm', input: [`text ${at}`, 'x'] })));
    await post(server, { model: 'm', input: '' });
    // The last request leaves when its connection is done with it, which may be after the client has its answer.
    while (server.stats().inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const stats = server.stats();
    expect(stats).toMatchObject({ requests: 4, inputs: 6, tokens: 9 });
    expect(stats.inFlightMax).toBeGreaterThan(1);
    const sum = server.busyIntervals.reduce((total, [start, end]) => total + end - start, 0);
    expect(stats.busyMs).toBeCloseTo(sum, 6);
    expect(server.texts).toHaveLength(6);
    server.reset();
    expect(server.stats()).toMatchObject({ requests: 0, inputs: 0, busyMs: 0 });
  });

  test('refuses what the protocol does not allow', async () => {
    await using server = await startEmbeddingServer({ inputsMax: 2, tokensMax: 4 });
    const inputs = [[], ['a', ''], ['a', 'b', 'c'], 'x'.repeat(17), 5];
    for (const input of inputs) expect((await post(server, { model: 'm', input })).status).toBe(400);
    expect((await post(server, { input: 'no model' })).status).toBe(400);
    expect((await fetch(`${server.url}/nothing`)).status).toBe(404);
  });

  test('misbehaves as often as it is told, then behaves', async () => {
    await using server = await startEmbeddingServer();
    server.misbehave({ kind: 'status', status: 503, body: {} }, 2);
    const statuses = [];
    for (let at = 0; at < 3; at += 1) statuses.push((await post(server, { model: 'm', input: 'x' })).status);
    expect(statuses).toEqual([503, 503, 200]);
    server.misbehave({ kind: 'status', status: 500 }, Number.POSITIVE_INFINITY);
    expect((await post(server, { model: 'm', input: 'x' })).status).toBe(500);
    server.behave();
    expect((await post(server, { model: 'm', input: 'x' })).status).toBe(200);
  });
});
