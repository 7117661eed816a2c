/*
 * Builds the dashboard into web/dist: one page, its script in parts that are loaded when they are needed, one style sheet. Names
 * hold a hash of the contents. Fails when the scripts together are larger than they may be.
 */
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { gzipSync } from 'node:zlib';

const WEB = resolve(import.meta.dirname, '../web');
const DIST = join(WEB, 'dist');
const SCRIPT_BYTES_MAX = 60 * 1_024;

const built = await Bun.build({
  entrypoints: [join(WEB, 'main.tsx')],
  target: 'browser',
  minify: true,
  splitting: true,
  naming: '[name]-[hash].[ext]',
  define: { 'process.env.NODE_ENV': '"production"' },
});

const names = built.outputs.map(({ path }) => path.replace(/^\.\//, ''));
const nameOf = (pattern: RegExp): string => {
  const name = names.find((each) => pattern.test(each));
  if (name === undefined) throw new Error(`Nothing was built that is called ${pattern}: ${names.join(', ')}`);
  return `assets/${name}`;
};
let scriptBytes = 0;
await mkdir(join(DIST, 'assets'), { recursive: true });
for (const [place, output] of built.outputs.entries()) {
  const bytes = new Uint8Array(await output.arrayBuffer());
  await put(join('assets', names[place] ?? ''), bytes);
  if (output.path.endsWith('.js')) scriptBytes += gzipSync(bytes).length;
}
const icon = await Bun.file(join(WEB, 'favicon.svg')).text();
const iconName = `assets/favicon-${Bun.hash(icon).toString(36)}.svg`;
await put(iconName, new TextEncoder().encode(icon));
const page = (await Bun.file(join(WEB, 'index.html')).text())
  .replace('{{favicon}}', iconName)
  .replace('{{style}}', nameOf(/^main-.*\.css$/))
  .replace('{{script}}', nameOf(/^main-.*\.js$/));
await put('index.html', new TextEncoder().encode(page));
// Last, so that a server that reads them meanwhile finds either build whole.
const made = new Set([...names, iconName.replace('assets/', '')]);
for (const name of await readdir(join(DIST, 'assets')))
  if (!made.has(name)) await rm(join(DIST, 'assets', name), { force: true });

/** Puts a file in its place as a whole: a server, or another build, may read it at this moment. */
async function put(name: string, bytes: Uint8Array): Promise<void> {
  const path = join(DIST, name);
  // The name of an asset holds the hash of what is in it.
  if (name.startsWith('assets') && (await Bun.file(path).exists()) && Bun.file(path).size === bytes.length)
    return;
  const part = join(DIST, `.${process.pid}.part`);
  await Bun.write(part, bytes);
  await rename(part, path);
}

console.log(
  `the dashboard: ${names.length} files, ${(scriptBytes / 1_024).toFixed(1)} KB of scripts, gzipped`,
);
if (scriptBytes > SCRIPT_BYTES_MAX) {
  console.error(`That is more than the ${SCRIPT_BYTES_MAX / 1_024} KB that they may have.`);
  process.exitCode = 1;
}
