import { createLocalEmbedder } from '../../src/embedders/local-embedder.ts';
import { createOpenAiEmbedder } from '../../src/embedders/openai-embedder.ts';
import { describeEmbedder } from '../conformance/embedder-suite.ts';
import { startEmbeddingServer } from '../support/embedding-server.ts';

describeEmbedder('the local embedder', (use) => use(createLocalEmbedder()));

describeEmbedder('the OpenAI embedder with base64 answers', async (use) => {
  await using server = await startEmbeddingServer();
  await use(createOpenAiEmbedder({ model: 'stand-in', dimensions: 384, baseUrl: server.url }));
});

describeEmbedder('the OpenAI embedder with float answers', async (use) => {
  await using server = await startEmbeddingServer({ alwaysFloat: true });
  await use(createOpenAiEmbedder({ model: 'stand-in', dimensions: 384, baseUrl: server.url }));
});
