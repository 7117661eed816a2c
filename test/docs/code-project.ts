import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CodeBlock, ROOT } from './pages.ts';

/** A folder in which `syncline` is this repository's source, as the package would be, in Bun, Deno and the compiler. */
export interface CodeProject {
  readonly path: string;
  /** Writes a block of code and returns its file name. */
  write(block: CodeBlock): string;
  [Symbol.dispose](): void;
}

/** The folder is inside the repository, so that packages are found; git and the formatter do not look there. */
export function makeCodeProject(): CodeProject {
  const parent = join(ROOT, '.syncline');
  mkdirSync(parent, { recursive: true });
  const path = mkdtempSync(join(parent, 'docs-test-'));
  const source = join(ROOT, 'src/index.ts');
  writeFileSync(
    join(path, 'tsconfig.json'),
    JSON.stringify({
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions: {
        paths: { syncline: [source], 'syncline/client': [join(ROOT, 'src/client/client.ts')] },
        moduleDetection: 'force',
        noUnusedLocals: false,
        noUnusedParameters: false,
      },
      include: ['*.ts', join(ROOT, 'src/**/*.d.ts')],
      exclude: ['deno-*.ts'],
    }),
  );
  return {
    path,
    write(block) {
      const prefix = block.marks.includes('deno') ? 'deno-' : '';
      const name = `${prefix}${block.at.replaceAll(/[^\w]+/g, '-').toLowerCase()}.ts`;
      writeFileSync(join(path, name), block.code);
      return name;
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** A folder with this project's documentation in it, as a reader who tries the commands would have. */
export function copyDocumentation(to: string): void {
  cpSync(join(ROOT, 'docs'), join(to, 'docs'), { recursive: true });
  cpSync(join(ROOT, 'README.md'), join(to, 'README.md'));
}

/** An environment with nothing of this machine's configuration; the repository's own tools come first. */
export function cleanEnvironment(home: string): Record<string, string> {
  return { PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env.PATH ?? ''}`, HOME: home };
}
