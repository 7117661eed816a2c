import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import ignore, { type Ignore } from 'ignore';

/** What the `.gitignore` files of a folder, of those in it, and of those above it in the same repository leave out. */
export interface GitIgnore {
  /**
   * Reads the `.gitignore` of a folder, once. Every folder on the way to a path has to be entered before {@link ignores} is
   * asked about the path.
   *
   * @throws When there is one that cannot be read: what it leaves out must not be taken in.
   */
  enter(folderKey: string): Promise<void>;
  /** Whether a path below the folder is left out; none of the folders that it is in is. */
  ignores(key: string, isFolder: boolean): boolean;
}

interface Rules {
  /** What the path from the folder of the rules to the root begins with; only for folders above it. */
  readonly before: string;
  readonly matcher: Ignore;
}

const BYTES_MAX = 1_048_576;
const LEVELS_ABOVE_MAX = 100;
/** As Git does it where file names are not told apart by case. */
const IGNORES_CASE = process.platform === 'win32' || process.platform === 'darwin';

/** Reads the rules that hold in `root` from above: up to the folder that holds `.git`, none where there is no such folder. */
export async function openGitIgnore(root: string): Promise<GitIgnore> {
  const above = await readAbove(root);
  const entered = new Map<string, Rules | undefined>();
  return {
    async enter(folderKey) {
      if (entered.has(folderKey)) return;
      const matcher = await readRules(join(root, folderKey, '.gitignore'));
      entered.set(folderKey, matcher === undefined ? undefined : { before: '', matcher });
    },
    ignores(key, isFolder) {
      const path = isFolder ? `${key}/` : key;
      // The rules that are nearest decide, as in Git.
      for (let folder = parentOf(key); folder !== undefined; folder = parentOf(folder)) {
        const verdict = judge(entered.get(folder), folder === '' ? path : path.slice(folder.length + 1));
        if (verdict !== undefined) return verdict;
      }
      for (const rules of above) {
        const verdict = judge(rules, path);
        if (verdict !== undefined) return verdict;
      }
      return false;
    },
  };
}

/** The folder that a path is in: empty for the root, `undefined` for the root itself. */
function parentOf(key: string): string | undefined {
  if (key === '') return undefined;
  return key.slice(0, Math.max(0, key.lastIndexOf('/')));
}

function judge(rules: Rules | undefined, path: string): boolean | undefined {
  if (rules === undefined) return undefined;
  const { ignored, unignored } = rules.matcher.test(`${rules.before}${path}`);
  return ignored || unignored ? ignored : undefined;
}

/** The rules of the folders above that belong to the same repository, the nearest first. */
async function readAbove(root: string): Promise<readonly Rules[]> {
  const found: Rules[] = [];
  let before = '';
  let folder = root;
  for (let level = 0; level < LEVELS_ABOVE_MAX; level += 1) {
    const isTop = await exists(join(folder, '.git'));
    if (isTop) await addRules(found, join(folder, '.git', 'info', 'exclude'), before);
    const parent = dirname(folder);
    if (isTop) return found;
    if (parent === folder) return [];
    before = `${basename(folder)}/${before}`;
    folder = parent;
    await addRules(found, join(folder, '.gitignore'), before);
  }
  return [];
}

async function addRules(found: Rules[], path: string, before: string): Promise<void> {
  const matcher = await readRules(path);
  // Who names a folder that is left out as a whole wants to have it read.
  if (matcher !== undefined && (before === '' || !matcher.test(before).ignored))
    found.push({ before, matcher });
}

async function readRules(path: string): Promise<Ignore | undefined> {
  try {
    const { size } = await stat(path);
    if (size > BYTES_MAX) throw new Error(`its .gitignore is larger than ${BYTES_MAX} bytes`);
    const text = await readFile(path, 'utf8');
    return ignore({ ignorecase: IGNORES_CASE, allowRelativePaths: true }).add(text);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    // Whatever cannot be seen is no repository of ours.
    return false;
  }
}

function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR';
}
