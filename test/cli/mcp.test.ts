import { afterEach, describe, expect, test } from 'bun:test';
import { join, resolve } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { createSyncline } from '../../src/index.ts';
import { makeTempDir } from '../support/temp-dir.ts';

const MAIN = resolve(import.meta.dir, '../../src/cli/main.ts');
const open: (() => Promise<void>)[] = [];

afterEach(async () => {
  while (open.length > 0) await open.pop()?.();
});

/** A client that has started the real program, on a folder with one document. */
async function connect(...args: readonly string[]): Promise<Client> {
  const folder = makeTempDir();
  open.push(async () => folder.remove());
  const dataDir = join(folder.join('data'));
  {
    await using runtime = createSyncline({ dataDir, environment: {} });
    await runtime.dataset('docs/one').ingest([{ key: 'tent', content: 'A light tent for two.' }]);
  }
  const client = new Client({ name: 'test', version: '1' });
  open.push(() => client.close());
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [MAIN, 'mcp', '--data-dir', dataDir, ...args],
      env: { PATH: process.env.PATH ?? '', HOME: folder.join('.') },
    }),
  );
  return client;
}

describe('syncline mcp', () => {
  test('serves a client over standard input and output', async () => {
    const client = await connect();
    const found = await client.callTool({ name: 'search', arguments: { query: 'tent' } });
    expect(found.structuredContent).toMatchObject({ results: [{ dataset: 'docs/one', key: 'tent' }] });
    const started = await client.callTool({ name: 'start' });
    expect(started.isError).toBeFalsy();
    const stopped = await client.callTool({ name: 'stop' });
    expect(stopped.structuredContent).toEqual({ state: 'notStarted', pauseReasons: [], providers: [] });
  }, 120_000);

  test('offers only what changes nothing with --read-only', async () => {
    const client = await connect('--read-only');
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name).sort()).toEqual([
      'check',
      'dataset_status',
      'list_batches',
      'list_datasets',
      'search',
      'task',
    ]);
    const checked = await client.callTool({
      name: 'check',
      arguments: { dataset: 'docs/one', level: 'rows' },
    });
    expect(checked.structuredContent).toMatchObject({ isDone: true, inSync: true });
  }, 120_000);
});
