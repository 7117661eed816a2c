import { expect, test } from 'bun:test';
import { readdirSync } from 'node:fs';
import { createRandom } from '../support/crash-source.ts';
import { waitFor } from '../support/test-runtime.ts';
import {
  type ApiDescription,
  anyText,
  anything,
  faultsOf,
  makeValue,
  type Operation,
  operationsOf,
  pick,
  type Random,
} from './api-schema.ts';
import { startTestApi } from './http-fixtures.ts';

/** More requests, or those of a run that failed: set these variables. */
const REQUESTS = Number(process.env.SYNCLINE_TEST_REQUESTS ?? 2_000);
const SEED = Number(process.env.SYNCLINE_TEST_SEED ?? Math.floor(Math.random() * 1_000_000));
const AT_ONCE = 8;
/** Files that a runtime opens by and by and keeps: tables of datasets that were made meanwhile. */
const OPEN_FILES_MORE_MAX = 64;

/** A stream that never ends has tests of its own. */
const LEFT_OUT = new Set(['readEvents']);
/** What takes long, or away what the others need, comes less often. */
const SELDOM = /^(?:deleteDataset|rebuild|rollback|reconfigure|repair|deleteDocuments)/;

interface Shot {
  readonly operation: Operation;
  readonly path: string;
  readonly init: RequestInit;
}

function makeShot(api: ApiDescription, operation: Operation, random: Random): Shot {
  let path = operation.path;
  const query = new URLSearchParams();
  for (const { name, in: place, schema, required } of operation.parameters) {
    if (!required && random() < 0.6) continue;
    const value = random() < 0.9 ? goodParameter(api, name, schema, random) : anyText(random);
    if (place === 'path') path = path.replace(`{${name}}`, encodeURIComponent(value.toWellFormed()));
    // Short waits: the fuzz is not about patience.
    else if (place === 'query')
      query.set(name, name === 'wait' ? pick(random, ['0', '1', 'x', '-1']) : value);
  }
  const content = operation.requestBody?.content;
  const init: RequestInit = { method: operation.method };
  if (content !== undefined) Object.assign(init, makeBody(api, content, random));
  else if (operation.method === 'POST' && random() < 0.1)
    Object.assign(init, { body: JSON.stringify(anything(random)) });
  const search = query.size > 0 ? `?${query}` : '';
  return { operation, path: `${path}${search}`, init };
}

function goodParameter(
  api: ApiDescription,
  name: string,
  schema: Operation['parameters'][0]['schema'],
  random: Random,
) {
  if (name === 'project') return pick(random, ['fuzz', 'fuzz', 'fuzz', 'none']);
  if (name === 'dataset') return pick(random, ['one', 'two', 'three', 'none']);
  if (name === 'key') return pick(random, ['a', 'b', 'c', 'none', 'a/b']);
  return String(makeValue(api, schema, random));
}

function makeBody(
  api: ApiDescription,
  content: NonNullable<Operation['requestBody']>['content'],
  random: Random,
): RequestInit {
  const type = pick(random, Object.keys(content));
  const schema = content[type]?.schema ?? {};
  if (type === 'application/x-ndjson')
    return { headers: { 'Content-Type': type }, body: makeLines(api, random) };
  const chance = random();
  const good = makeValue(api, schema, random);
  const sent = chance < 0.7 ? good : chance < 0.85 ? spoil(good, random) : anything(random);
  const text = JSON.stringify(sent) ?? '';
  const body = random() < 0.03 ? text.slice(0, Math.floor(random() * text.length)) : text;
  return {
    headers: { 'Content-Type': random() < 0.95 ? type : pick(random, ['text/plain', 'application/xml']) },
    body,
  };
}

function makeLines(api: ApiDescription, random: Random): string {
  const document = api.components.schemas.NewDocument ?? {};
  const line = (): string =>
    random() < 0.8
      ? JSON.stringify(makeValue(api, document, random))
      : pick(random, [
          '',
          '{',
          '[]',
          'null',
          '{"key":1}',
          '\u0000',
          '{"key":"a","content":"\\u0000"}',
          '['.repeat(5_000),
        ]);
  return Array.from({ length: Math.floor(random() * 6) }, line).join('\n');
}

/** A good value with one part of it taken away, added, or made something else. */
function spoil(value: unknown, random: Random): unknown {
  if (typeof value !== 'object' || value === null) return anything(random);
  if (Array.isArray(value)) return [...value, anything(random)];
  const entries = Object.entries(value);
  const [name = 'more'] = entries.length > 0 ? pick(random, entries) : [];
  if (random() < 0.3) return Object.fromEntries(entries.filter(([other]) => other !== name));
  return { ...value, [random() < 0.7 ? name : anyText(random)]: anything(random) };
}

/** What an answer has that the description does not foresee; empty when all is well. */
async function faultsOfAnswer(
  api: ApiDescription,
  { operation }: Shot,
  response: Response,
): Promise<string[]> {
  const text = await response.text();
  if (response.status >= 500) return [`status ${response.status}: ${text.slice(0, 500)}`];
  // What an address does not fit is answered by no operation at all.
  const isElsewhere = [404, 405].includes(response.status) && /"(?:NOT_FOUND|METHOD_NOT_ALLOWED)"/.test(text);
  const described = operation.responses[response.status];
  if (described === undefined)
    return isElsewhere ? [] : [`status ${response.status} is not described: ${text.slice(0, 300)}`];
  const type = (response.headers.get('content-type') ?? '').split(';')[0] ?? '';
  const schema = described.content?.[type]?.schema;
  if (schema === undefined) {
    const isEmpty = text === '' && described.content === undefined;
    return isEmpty || isElsewhere
      ? []
      : [`the type "${type}" is not described for ${response.status}: ${text.slice(0, 200)}`];
  }
  return /json$/.test(type) ? faultsOf(api, schema, JSON.parse(text)) : [];
}

/** Sends one request; one that is not answered in time is a fault like any other. */
async function shoot(
  url: string,
  api: ApiDescription,
  shot: Shot,
): Promise<[status: number, faults: string[]]> {
  try {
    const response = await fetch(`${url}${shot.path}`, { ...shot.init, signal: AbortSignal.timeout(60_000) });
    return [response.status, await faultsOfAnswer(api, shot, response)];
  } catch (error) {
    return [0, [String(error)]];
  }
}

const openFiles = (): number => readdirSync('/proc/self/fd').length;

test(`${REQUESTS} random requests to all routes are answered as described, and leave nothing behind (seed ${SEED})`, async () => {
  const api = await startTestApi({ http: { requestsPerSecondMax: 0 } });
  await api.runtime.start();
  for (const dataset of ['one', 'two', 'three']) {
    await api.runtime.dataset(`fuzz/${dataset}`).ingest([{ key: 'a', content: 'words of a' }]);
  }
  const description = (await api.call('GET', '/openapi.json')).body as ApiDescription;
  const operations = operationsOf(description).filter(({ operationId }) => !LEFT_OUT.has(operationId));
  const random = createRandom(`fuzz ${SEED}`);
  const openBefore = openFiles();
  const seen = new Map<string, Set<number>>();
  const failures: string[] = [];
  let sent = 0;
  const shootOn = async (): Promise<void> => {
    while (sent < REQUESTS && failures.length === 0) {
      // Each of them at least once.
      const operation = operations[sent] ?? pick(random, operations);
      if (sent >= operations.length && SELDOM.test(operation.operationId) && random() < 0.8) continue;
      sent += 1;
      const shot = makeShot(description, operation, random);
      const [status, faults] = await shoot(api.url, description, shot);
      const statuses = seen.get(operation.operationId) ?? new Set();
      seen.set(operation.operationId, statuses.add(status));
      if (faults.length > 0) {
        failures.push(
          `${operation.method} ${shot.path} ${String(shot.init.body).slice(0, 300)}: ${faults.join('; ')}`,
        );
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, shootOn));
  expect(failures).toEqual([]);
  for (const { operationId } of operations)
    expect([operationId, seen.has(operationId)]).toEqual([operationId, true]);

  // Everything that was begun ends, and nothing is held for those who have gone.
  const running = async (): Promise<number> =>
    (await api.runtime.tasks.list({ state: 'running' })).items.length;
  await waitFor('all tasks to end', async () => (await running()) === 0, 60_000);
  expect(api.pendingRequests()).toBe(0);
  expect(openFiles() - openBefore).toBeLessThan(OPEN_FILES_MORE_MAX);
}, 600_000);
