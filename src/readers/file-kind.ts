import { posix } from 'node:path';

/** How a file is read. */
export type FileKind = 'markdown' | 'text' | 'html' | 'code' | 'pdf' | 'jsonl';

const EXTENSIONS: Readonly<Record<FileKind, string>> = {
  markdown: 'md mdx markdown',
  text: 'txt text rst adoc asciidoc org tex log',
  html: 'html htm xhtml',
  pdf: 'pdf',
  jsonl: 'jsonl ndjson',
  code: [
    'js mjs cjs jsx ts mts cts tsx vue svelte astro css scss less graphql gql',
    'c h cc cpp cxx hh hpp hxx m mm cs fs fsx vb rs go zig nim d swift',
    'java kt kts scala groovy gradle clj cljs cljc dart',
    'py pyi rb php pl pm lua r jl ex exs erl hrl hs ml mli elm lisp el scm rkt',
    'sh bash zsh fish ps1 bat sql proto thrift tf hcl nix cmake sol',
    'yaml yml toml ini',
  ].join(' '),
};

/** Code whose name says what it is. */
const CODE_NAMES = new Set(['dockerfile', 'containerfile', 'makefile', 'justfile', 'rakefile', 'gemfile']);

const KINDS: ReadonlyMap<string, FileKind> = new Map(
  (Object.keys(EXTENSIONS) as FileKind[]).flatMap((kind) =>
    EXTENSIONS[kind].split(' ').map((extension): [string, FileKind] => [`.${extension}`, kind]),
  ),
);

/** The kind of a file by its name or path; `undefined` for one that is read only when somebody asks for it. */
export function fileKind(path: string): FileKind | undefined {
  const name = posix.basename(path).toLowerCase();
  return CODE_NAMES.has(name) ? 'code' : KINDS.get(posix.extname(name));
}
