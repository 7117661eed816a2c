import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSyncline, folderSource } from '../../src/index.ts';
import { makePdf } from './make-pdf.ts';

/** A folder with files of several kinds: indexed, watched, and changed in one go. */
export async function smokeFolder(folder: string): Promise<void> {
  const docs = join(folder, 'docs');
  mkdirSync(join(docs, 'sub'), { recursive: true });
  writeFileSync(join(docs, 'a.md'), '---\ntags: [x]\n---\n# Lamps\n\nThey give light.\n');
  writeFileSync(join(docs, 'paper.pdf'), makePdf([['About elephants.']], { title: 'Paper' }));
  writeFileSync(join(docs, 'old.txt'), Buffer.from('Café au lait', 'latin1'));
  await using runtime = createSyncline({ dataDir: join(folder, 'data'), environment: {} });
  const dataset = runtime.dataset('smoke/folder');
  await dataset.create();
  await dataset.setSources([folderSource({ name: 'docs', path: docs, watch: true })]);
  await runtime.start();
  await untilCount(3);
  const [hit] = await dataset.search('elephants');
  assert.equal(hit?.key, 'paper.pdf');
  for (let number = 0; number < 200; number += 1)
    writeFileSync(join(docs, `sub/${number}.md`), `The number ${number}.\n`);
  await untilCount(203);
  renameSync(join(docs, 'sub'), join(docs, 'moved'));
  await untilCount(203, 'moved/0.md');
  rmSync(join(docs, 'old.txt'));
  await untilCount(202);

  async function untilCount(count: number, key?: string): Promise<void> {
    const endMs = Date.now() + 60_000;
    for (;;) {
      const { counts } = await dataset.status();
      const found =
        key === undefined ? undefined : await dataset.document({ source: 'docs', key }).catch(() => null);
      if (counts.documents === count && counts.queuedDocuments === 0 && found !== null) return;
      assert(Date.now() < endMs, `waited in vain for ${count} documents; there are ${counts.documents}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
