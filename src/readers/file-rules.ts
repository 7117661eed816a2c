import { posix } from 'node:path';
import { type FileKind, fileKind } from './file-kind.ts';
import { type GitIgnore, openGitIgnore } from './git-ignore.ts';
import { compileGlobs, type Globs } from './globs.ts';

/** Which files of a folder are read. */
export interface FileSelection {
  /**
   * Glob patterns: only files that match one are read, whatever their kind (binary ones are left out). Default: all files of
   * known kinds. `*.md` is for any depth, `docs/*.md` from the folder, `docs` for all that is in it.
   */
  readonly include?: readonly string[];
  /** Glob patterns of files and folders that are left out. */
  readonly exclude?: readonly string[];
  /** Whether what `.gitignore` files say is left out. Default `true`. */
  readonly gitignore?: boolean;
  /** Whether names that start with a dot are read. Default `false`. */
  readonly hidden?: boolean;
}

/** What becomes of a file: to be read, of no kind that is read, or left out because somebody said so. */
export type FileVerdict = { readonly kind: FileKind | undefined } | 'otherKind' | 'leftOut';

/** The rules of one folder. Paths are relative to it, with forward slashes. */
export interface FileRules {
  /**
   * To be called for each folder on the way to a path before anything below is asked about it.
   *
   * @throws When its `.gitignore` cannot be read.
   */
  enter(folderKey: string): Promise<void>;
  /** Whether nothing in a folder is read; the folders that it is in are. */
  leavesOutFolder(key: string): boolean;
  /** What becomes of a file in a folder that is not left out. */
  judgeFile(key: string): FileVerdict;
}

/** Never walked: what tools keep there is nobody's text. */
const TOOL_FOLDERS = new Set(['node_modules', '.git', '.hg', '.svn']);

/** What editors and office programs write beside a file while it is being edited or saved. */
const TEMPORARY_NAME =
  /^(?:\.#.*|#.*#|.*~|\.?.*\.sw[nopx]|4913|.*___jb_(?:tmp|old)___|\.subl.*\.tmp|\.goutputstream-.*|\.~lock\..*#|~\$.*)$/i;

/**
 * Compiles a selection for the folder at `root`.
 *
 * @throws SynclineError `INVALID_OPTION` for a pattern that is none.
 */
export async function createFileRules(root: string, selection: FileSelection): Promise<FileRules> {
  const { include, exclude = [], gitignore = true, hidden = false } = selection;
  const included: Globs | undefined = include === undefined ? undefined : compileGlobs('include', include);
  const excluded = compileGlobs('exclude', exclude);
  const git: GitIgnore | undefined = gitignore ? await openGitIgnore(root) : undefined;

  async function enter(folderKey: string): Promise<void> {
    await git?.enter(folderKey);
  }

  function leavesOutFolder(key: string): boolean {
    const name = posix.basename(key);
    if (TOOL_FOLDERS.has(name) || (name.startsWith('.') && !hidden)) return true;
    return excluded(key) || (git?.ignores(key, true) ?? false);
  }

  function judgeFile(key: string): FileVerdict {
    const name = posix.basename(key);
    if (TEMPORARY_NAME.test(name)) return 'leftOut';
    if (name.startsWith('.') && !hidden) return 'otherKind';
    if (included?.(key) === false || excluded(key) || git?.ignores(key, false) === true) return 'leftOut';
    const kind = fileKind(name);
    return kind === undefined && included === undefined ? 'otherKind' : { kind };
  }

  return { enter, leavesOutFolder, judgeFile };
}
