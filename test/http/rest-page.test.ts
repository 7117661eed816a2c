import { expect, test } from 'bun:test';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { BLOCKS } from '../docs/pages.ts';
import { makeTempDir } from '../support/temp-dir.ts';
import { startTestApi } from './http-fixtures.ts';

test('the requests that docs/rest.md shows are answered as it says', async () => {
  const api = await startTestApi();
  await api.runtime.start();
  using folder = makeTempDir();
  writeFileSync(
    folder.join('articles.jsonl'),
    '{"key":"lamp","content":"A lamp."}\n{"key":"mat","content":"A mat."}\n',
  );
  const blocks = BLOCKS.filter(({ page, language }) => page === 'docs/rest.md' && language === 'sh');
  expect(blocks).toHaveLength(3);
  const answers: string[] = [];
  for (const { code } of blocks) {
    const script = code.replaceAll('http://127.0.0.1:7331', api.url);
    const shell = spawn('sh', ['-c', script], { cwd: folder.path, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    shell.stdout.on('data', (data) => {
      output += data;
    });
    await once(shell, 'close');
    answers.push(output);
  }
  const [first = '', second = '', third = ''] = answers;
  expect(first).toMatch(
    /"addedCount":2.*"isSearchable":true.*"results":\[.*"key":"stove".*"isUpToDate":true/,
  );
  expect(second).toContain('"addedCount":2');
  expect(third).toMatch(/"timeZone":"Europe\/Berlin".*"isOn":false,"isDefault":false.*"isDefault":true/);
});
