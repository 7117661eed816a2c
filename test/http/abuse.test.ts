import { afterEach, beforeEach, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { setInterval } from 'node:timers';
import { type HttpServer, startHttpServer } from '../../src/http/server.ts';
import type { HttpConfig } from '../../src/index.ts';
import { rejectionOf, startTestRuntime } from '../support/test-runtime.ts';
import { openRaw, type RawAnswer, sendRaw } from './raw-http.ts';

// The engine looks after its connections every four seconds only.
setDefaultTimeout(120_000);

let server: HttpServer;

beforeEach(async () => {
  server = await start({ bodyBytesMax: 4_096, bodyTimeoutMs: 400, idleTimeoutMs: 1_000 });
});

afterEach(async () => {
  // Whatever was sent before, the next one is answered.
  const answer = await sendRaw(server.port, request('GET /openapi.json'));
  expect(answer.statuses).toEqual([200]);
  await server.close(0);
});

async function start(config: HttpConfig): Promise<HttpServer> {
  const { runtime } = await startTestRuntime();
  return startHttpServer(runtime, { port: 0, ...config });
}

function request(line: string, headers: readonly string[] = [], body = ''): string {
  return `${[`${line} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers].join('\r\n')}\r\n\r\n${body}`;
}

const send = (bytes: string, waitMs?: number): Promise<RawAnswer> => sendRaw(server.port, bytes, waitMs);
const JSON_BODY = ['Content-Type: application/json'];

describe('slow requests are ended:', () => {
  test('a connection that says nothing, and heads that do not end, however steadily they come', async () => {
    const silent = openRaw(server.port);
    const stalled = openRaw(server.port);
    stalled.send('GET /v1/datasets HTTP/1.1\r\nHost: localhost\r\n');
    const trickling = openRaw(server.port);
    trickling.send('GET /v1/datasets HTTP/1.1\r\nHost: localhost\r\n');
    let count = 0;
    const timer = setInterval(() => trickling.send(`X-${count++}: a\r\n`), 250);
    const answers = await Promise.all([silent.end(), stalled.end(), trickling.end()]);
    clearInterval(timer);
    expect(answers.map(({ closed }) => closed)).toEqual([true, true, true]);
    expect(answers.flatMap(({ statuses }) => statuses)).toEqual([]);
  });

  test('bodies that do not come', async () => {
    const answer = await send(request('POST /v1/datasets', [...JSON_BODY, 'Content-Length: 100'], '{'));
    expect([answer.statuses, answer.closed]).toEqual([[408], true]);
    expect(answer.text).toContain('"REQUEST_TIMEOUT"');
  });

  test('bodies that come byte by byte', async () => {
    const connection = openRaw(server.port);
    connection.send(request('POST /v1/datasets', [...JSON_BODY, 'Transfer-Encoding: chunked']));
    const timer = setInterval(() => connection.send('1\r\n \r\n'), 20);
    const answer = await connection.end();
    clearInterval(timer);
    expect([answer.statuses, answer.closed]).toEqual([[408], true]);
  });
});

describe('large requests are refused:', () => {
  test('heads', async () => {
    const long = await send(request('GET /v1/datasets', [`X-Long: ${'a'.repeat(100_000)}`]));
    const path = await send(request(`GET /v1/${'a'.repeat(100_000)}`));
    const many = Array.from({ length: 5_000 }, (_, index) => `X-${index}: a`);
    const crowded = await send(request('GET /v1/datasets', many));
    for (const { statuses, closed } of [long, path, crowded]) {
      expect([statuses[0] === undefined || statuses[0] >= 400, closed]).toEqual([true, true]);
    }
  });

  test('bodies by what they say of themselves, before they are read', async () => {
    const answer = await send(
      request('POST /v1/datasets', [...JSON_BODY, 'Content-Length: 99999999999'], '{'),
    );
    expect(answer.statuses).toEqual([413]);
  });

  test('bodies that say nothing of their size', async () => {
    const chunk = `400\r\n${' '.repeat(0x400)}\r\n`;
    const headers = [...JSON_BODY, 'Transfer-Encoding: chunked'];
    const answer = await send(request('POST /v1/datasets', headers, `${chunk.repeat(8)}0\r\n\r\n`));
    expect(answer.statuses).toEqual([413]);
  });
});

describe('requests that may be read in two ways are refused or read in one:', () => {
  test.each([
    ['two lengths', request('POST /v1/datasets', ['Content-Length: 2', 'Content-Length: 50'], '{}')],
    [
      'a length and chunks',
      request('POST /v1/datasets', ['Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
    ],
    ['a length below zero', request('POST /v1/datasets', ['Content-Length: -1'], '{}')],
    ['a length that is no number', request('POST /v1/datasets', ['Content-Length: 2x'], '{}')],
    [
      'chunks of a length that is no number',
      request('POST /v1/datasets', [...JSON_BODY, 'Transfer-Encoding: chunked'], 'zz\r\n{}\r\n0\r\n\r\n'),
    ],
    ['no host', 'GET /v1/datasets HTTP/1.1\r\nConnection: close\r\n\r\n'],
    ['two hosts', request('GET /v1/datasets', ['Host: evil.example.com'])],
    [
      'another host in the line',
      'GET http://evil.example.com/v1/datasets HTTP/1.1\r\nHost: evil.example.com\r\nConnection: close\r\n\r\n',
    ],
    ['a rebound host', 'GET /v1/datasets HTTP/1.1\r\nHost: evil.example.com\r\nConnection: close\r\n\r\n'],
    ['a foreign origin', request('GET /v1/datasets', ['Origin: https://evil.example.com'])],
    ['a header with a NUL', request('GET /v1/datasets', ['X-A: a\0b'])],
    ['a header without a colon', request('GET /v1/datasets', ['nonsense'])],
    ['a space before the colon', request('GET /v1/datasets', ['Content-Length : 5'])],
    ['no HTTP at all', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'.repeat(20)],
    ['an empty line and nothing else', '\r\n\r\n\r\n'],
    ['another version', 'GET /v1/datasets HTTP/9.9\r\nHost: localhost\r\n\r\n'],
  ])('%s', async (_, bytes) => {
    const { statuses, text } = await send(bytes, 8_000);
    expect(statuses.filter((status) => status < 400 || status === 500)).toEqual([]);
    expect(statuses.length).toBeLessThanOrEqual(1);
    expect(text).not.toContain('"items"');
  });

  test('a request smuggled behind a refused one is not answered', async () => {
    const inner = 'GET /v1/datasets HTTP/1.1\r\nHost: localhost\r\n\r\n';
    const outer = request(
      'POST /v1/datasets',
      ['Content-Length: 0', 'Transfer-Encoding: chunked'],
      `0\r\n\r\n${inner}`,
    );
    const { text } = await send(outer.replace('Connection: close\r\n', ''), 1_000);
    expect(text).not.toContain('"items"');
  });
});

describe('paths lead nowhere else:', () => {
  test.each([
    '/../../../../etc/passwd',
    '/v1/../../etc/passwd',
    '/v1/%2e%2e/%2e%2e/etc/passwd',
    '/v1/..%2f..%2f..%2fetc%2fpasswd',
    '/v1/..\\..\\etc\\passwd',
    '/v1/datasets/..%00/x',
    '/v1/datasets/%c0%ae%c0%ae/x',
    '/v1/datasets/a%2f..%2f..%2fb/c',
    '//etc/passwd',
    '/docs/..%2f..%2fpackage.json',
    '/%00',
    '/v1/datasets/%ff/%zz',
  ])('%s', async (path) => {
    const { statuses, text } = await send(request(`GET ${path}`));
    expect(statuses).toHaveLength(1);
    expect(statuses[0]).toBeGreaterThanOrEqual(400);
    expect(statuses[0]).toBeLessThan(500);
    expect(text).not.toMatch(/root:|"dependencies"|node_modules|src\//);
  });
});

describe('streams of lines', () => {
  const DOCUMENTS = 'POST /v1/datasets/abuse/lines/documents';
  const LINES = ['Content-Type: application/x-ndjson'];
  const good = '{"key":"good","content":"words"}\n';

  test('of junk lose the junk alone, whatever it is', async () => {
    const junk = [
      '{"key":"a"',
      'null',
      '[]',
      '"text"',
      '{"key":["a"],"content":{"b":1}}',
      '{"__proto__":{"key":"p"},"constructor":1}',
      `{"key":"deep","content":"x","metadata":${'{"a":'.repeat(1_000)}1${'}'.repeat(1_000)}}`,
      `{"key":"long","content":"${'x'.repeat(10_000)}"}`,
      `{"key":"${'k'.repeat(3_000)}","content":"x"}`,
    ];
    const bytes = [...junk.map((line) => Buffer.from(`${line}\n`)), Buffer.from([0xff, 0xfe, 0x00, 0x0a])];
    const body = Buffer.concat([...bytes, Buffer.from(good)]);
    const head = request(DOCUMENTS, [...LINES, `Content-Length: ${body.length}`]);
    const { statuses, text } = await sendRaw(server.port, Buffer.concat([Buffer.from(head), body]));
    const answer = JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4));
    expect([statuses, answer.addedCount, answer.refusedCount]).toEqual([[202], 1, bytes.length]);
    expect(({} as { key?: string }).key).toBeUndefined();
  });

  test('that stand still are ended', async () => {
    const endless = openRaw(server.port);
    endless.send(request(DOCUMENTS, [...LINES, 'Transfer-Encoding: chunked']));
    endless.send(`${good.length.toString(16)}\r\n${good}\r\n`);
    const answer = await endless.end();
    expect([answer.statuses, answer.closed]).toEqual([[408], true]);
  });

  test('whose client goes away in the middle hurt nobody', async () => {
    const connection = openRaw(server.port);
    connection.send(request(DOCUMENTS, [...LINES, 'Content-Length: 1000'], good));
    await sendRaw(server.port, request('GET /openapi.json'));
    connection.socket.destroy();
    const after = await send(request(DOCUMENTS, [...LINES, `Content-Length: ${good.length}`], good));
    expect(after.statuses).toEqual([202]);
  });
});

describe('the server', () => {
  test('listens elsewhere with a key only, and says how to get one', async () => {
    for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.com']) {
      const refused = await rejectionOf(start({ host }));
      expect(refused).toMatchObject({ code: 'INVALID_OPTION' });
      expect(String(refused)).toContain('SYNCLINE_API_KEYS');
    }
    const open = await start({ host: '0.0.0.0', readKeys: ['a-key-of-at-least-16'] });
    expect((await sendRaw(open.port, request('GET /v1/datasets'))).statuses).toEqual([401]);
    await open.close(0);
  });

  test('says why it cannot listen', async () => {
    const inUse = await rejectionOf(start({ port: server.port }));
    expect(inUse).toMatchObject({ code: 'LISTEN_FAILED' });
    expect(String(inUse)).toContain('the port is in use');
    const elsewhere = await rejectionOf(start({ host: '192.0.2.1', apiKeys: ['a-key-of-at-least-16'] }));
    expect(elsewhere).toMatchObject({ code: 'LISTEN_FAILED' });
  });
});
