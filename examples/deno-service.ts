// A Deno service that keeps what it searches in line with its data: deno run --allow-all examples/deno-service.ts
import { createSyncline } from 'syncline';

const syncline = createSyncline({ dataDir: await Deno.makeTempDir(), embedder: { provider: 'local' } });
await syncline.start();
const articles = syncline.dataset('shop/articles');
await articles.ingest([
  { key: 'tent', title: 'Tent', content: 'A light tent for two, waterproof up to 3,000 mm.' },
  { key: 'stove', title: 'Stove', content: 'A gas stove that boils a litre of water in four minutes.' },
]);

const server = Deno.serve({ port: 0, onListen: () => undefined }, async (request) =>
  Response.json(await articles.search(new URL(request.url).searchParams.get('q') ?? '')),
);
const answer = await fetch(`http://127.0.0.1:${server.addr.port}/?q=boil+water`);
const [best] = (await answer.json()) as { key: string; text: string }[];
console.log(best?.key, '-', best?.text);
await server.shutdown();
await syncline.stop();
if (best?.key !== 'stove') throw new Error('The stove was expected first.');
