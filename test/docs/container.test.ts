import { expect, test } from 'bun:test';
import { SETTINGS } from '../../src/runtime/settings/settings.ts';
import { readRepoFile } from './pages.ts';

/*
 * What can be said of the container without building it; scripts/check-container.ts builds and runs it.
 */
const known = SETTINGS.flatMap(({ env, fileEnv }) => [env, fileEnv]);

test.each(['Dockerfile', 'compose.yaml'])('%s names no variable that a start would refuse', (file) => {
  const names = [...readRepoFile(file).matchAll(/\bSYNCLINE_[A-Z_]+\b/g)].map(([name]) => name);
  expect(names.length).toBeGreaterThan(3);
  expect(names.filter((name) => !known.includes(name))).toEqual([]);
});

test('compose.yaml publishes the port that the image listens on, to this machine alone', () => {
  const [, port = ''] = /SYNCLINE_HTTP_PORT=(\d+)/.exec(readRepoFile('Dockerfile')) ?? [];
  expect(readRepoFile('compose.yaml')).toContain(`- "127.0.0.1:${port}:${port}"`);
  expect(readRepoFile('Dockerfile')).toContain(`EXPOSE ${port}`);
});

test('the Dockerfile needs nothing that older builders do not know', () => {
  expect(readRepoFile('Dockerfile')).not.toMatch(/--link|<</);
});

test('what the image sets is in docs/docker.md', () => {
  const page = readRepoFile('docs/docker.md');
  const [block = ''] = /^ENV [\s\S]*?[^\\]\n/m.exec(readRepoFile('Dockerfile')) ?? [];
  const pairs = [...block.matchAll(/(SYNCLINE_[A-Z_]+)=(\S+)/g)];
  expect(pairs.length).toBe(6);
  for (const [, name = '', value = ''] of pairs) {
    expect(page).toContain(`\`${name}\``);
    expect(page).toContain(`\`${value}\``);
  }
});
