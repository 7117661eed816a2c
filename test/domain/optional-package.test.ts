import { expect, test } from 'bun:test';
import { loadOptional } from '../../src/domain/optional-package.ts';

test('a package that is not installed is named together with what needs it and how to install it', async () => {
  const name = 'syncline-package-that-nobody-has';
  const load = loadOptional(name, 'reading the stars', () => import(name));
  expect(await load.catch((error: unknown) => error)).toMatchObject({
    code: 'PACKAGE_MISSING',
    message: expect.stringMatching(/needed for reading the stars and is not installed.*bun add syncline-/),
  });
});

test('a package that is broken fails as it does', async () => {
  const load = loadOptional('broken', 'nothing', () => Promise.reject(new TypeError('broken inside')));
  expect(await load.catch((error: unknown) => error)).toEqual(new TypeError('broken inside'));
});
