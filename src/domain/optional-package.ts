import { SynclineError } from './errors.ts';

/**
 * Loads a package that is installed by those who need it.
 *
 * @param purpose What cannot be done without it, for the message: `reading PostgreSQL`.
 * @param load The `import()` of the package, written out where it is used.
 * @throws SynclineError `PACKAGE_MISSING`.
 */
export async function loadOptional<Module>(
  packageName: string,
  purpose: string,
  load: () => Promise<Module>,
): Promise<Module> {
  try {
    return await load();
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
    if (!isMissing) throw error;
    throw new SynclineError(
      'PACKAGE_MISSING',
      `The package "${packageName}" is needed for ${purpose} and is not installed. Install it beside Syncline: bun add ${packageName} (or deno add npm:${packageName}).`,
      { cause: error, details: { package: packageName } },
    );
  }
}
