import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { anchors, localLinks, PAGES, proseOf, ROOT, readRepoFile } from './pages.ts';

describe('the documentation', () => {
  test.each(PAGES)('%s links only to files and headings that exist', (page) => {
    const broken = localLinks(page).filter(({ path, fragment }) => {
      if (!existsSync(join(ROOT, path))) return true;
      return fragment !== undefined && !anchors(path).has(fragment);
    });
    expect(broken).toEqual([]);
  });

  test('has an index that links every page', () => {
    const linked = localLinks('docs/README.md').map(({ path }) => path);
    const missing = readdirSync(join(ROOT, 'docs'))
      .filter((name) => name.endsWith('.md') && name !== 'README.md')
      .filter((name) => !linked.includes(`docs/${name}`));
    expect(missing).toEqual([]);
  });

  test.each(PAGES)('%s names only files of the repository that exist', (page) => {
    const named = [
      ...proseOf(page).matchAll(/`((?:src|test|scripts|examples|schema|bench|docs)\/[\w./-]+)`/g),
    ].map((match) => match[1] ?? '');
    const isThere = (path: string): boolean => existsSync(join(ROOT, path)) || /NNNN|NAME/.test(path);
    expect(named.filter((path) => !isThere(path))).toEqual([]);
  });

  test('is in the package, with the license that package.json names', () => {
    const { files, license } = JSON.parse(readRepoFile('package.json')) as {
      files: string[];
      license: string;
    };
    expect(files).toContain('docs');
    expect(readRepoFile('LICENSE')).toContain(`${license} License`);
  });
});
