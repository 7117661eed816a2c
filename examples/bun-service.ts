// A Bun service that keeps what it searches in line with its data: bun examples/bun-service.ts
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSyncline } from 'syncline';

const syncline = createSyncline({
  dataDir: mkdtempSync(join(tmpdir(), 'syncline-')),
  embedder: { provider: 'local' },
});
await syncline.start();
const articles = syncline.dataset('shop/articles');
await articles.ingest([
  { key: 'tent', title: 'Tent', content: 'A light tent for two, waterproof up to 3,000 mm.' },
  { key: 'stove', title: 'Stove', content: 'A gas stove that boils a litre of water in four minutes.' },
]);

const server = Bun.serve({
  port: 0,
  fetch: async (request) =>
    Response.json(await articles.search(new URL(request.url).searchParams.get('q') ?? '')),
});
const answer = await fetch(`${server.url}?q=boil+water`);
const [best] = (await answer.json()) as { key: string; text: string }[];
console.log(best?.key, '-', best?.text);
await server.stop();
await syncline.stop();
if (best?.key !== 'stove') throw new Error('The stove was expected first.');
