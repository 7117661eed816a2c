import { describe, expect, test } from 'bun:test';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLocalEmbedder } from '../../src/embedders/local-embedder.ts';

/**
 * Goal: the local embedder alone finds the right page of real documentation among the first three.
 * Method: 42 questions as people ask them, typos included, written before the weights were tuned; pages are cut at headings
 * and ranked by their best part. At the time of writing 38 are found at 384 dimensions, 39 at 1,024.
 */
const CORPUS = new URL('../../../shared/corpora/hono-docs-new/', import.meta.url).pathname;
const FOUND_MIN = 35;

const QUESTIONS: readonly (readonly [question: string, page: string])[] = [
  ['How do I set up basic authentication?', 'docs/middleware/builtin/basic-auth.md'],
  ['limit the size of the request body', 'docs/middleware/builtin/body-limit.md'],
  ['protect against cross-site request forgery', 'docs/middleware/builtin/csrf.md'],
  ['allow requests from another origin', 'docs/middleware/builtin/cors.md'],
  ['compress responses with gzip', 'docs/middleware/builtin/compress.md'],
  ['How can I deploy to AWS Lambda?', 'docs/getting-started/aws-lambda.md'],
  ['run hono on cloudflare workers', 'docs/getting-started/cloudflare-workers.md'],
  ['stream a response in chunks', 'docs/helpers/streaming.md'],
  ['set and read cookies', 'docs/helpers/cookie.md'],
  ['websocket upgrade', 'docs/helpers/websocket.md'],
  ['validate form data and query parameters', 'docs/guides/validation.md'],
  ['typed client for remote procedure calls', 'docs/guides/rpc.md'],
  ['generate static pages from the app', 'docs/helpers/ssg.md'],
  ['restrict access by IP adress', 'docs/middleware/builtin/ip-restriction.md'],
  ['add a request identifier to every request', 'docs/middleware/builtin/request-id.md'],
  ['verify JSON web tokens', 'docs/middleware/builtin/jwt.md'],
  ['measure server timing of a handler', 'docs/middleware/builtin/timing.md'],
  ['abort handlers that take too long timeout', 'docs/middleware/builtin/timeout.md'],
  ['detect the language of the user', 'docs/middleware/builtin/language.md'],
  ['content security policy headers', 'docs/middleware/builtin/secure-headers.md'],
  ['write css in javascript', 'docs/helpers/css.md'],
  ['how to test my application', 'docs/guides/testing.md'],
  ['which router is the fastest RegExpRouter', 'docs/concepts/routers.md'],
  ['throwing HTTP exceptions', 'docs/api/exception.md'],
  ['redirect urls with a trailing slash', 'docs/middleware/builtin/trailing-slash.md'],
  ['uploading a file', 'examples/file-upload.md'],
  ['stripe webhook signature', 'examples/stripe-webhook.md'],
  ['prisma database with cloudflare', 'examples/prisma.md'],
  ['pretty print json in the browser', 'docs/middleware/builtin/pretty-json.md'],
  ['serve static files with node.js', 'docs/getting-started/nodejs.md'],
  ['reverse proxy to an upstream', 'docs/helpers/proxy.md'],
  ['get remote address of the connection', 'docs/helpers/conninfo.md'],
  ['logging requests to the console', 'docs/middleware/builtin/logger.md'],
  ['cache responses with the Cache API', 'docs/middleware/builtin/cache.md'],
  ['content negotiation accept header', 'docs/helpers/accepts.md'],
  ['grouping routes and path parameters', 'docs/api/routing.md'],
  ['rendering jsx on the client side', 'docs/guides/jsx-dom.md'],
  ['combine several middlewares into one', 'docs/middleware/builtin/combine.md'],
  ['override the http method in a form', 'docs/middleware/builtin/method-override.md'],
  ['azure functions deployment', 'docs/getting-started/azure-functions.md'],
  ['bearer token authentification', 'docs/middleware/builtin/bearer-auth.md'],
  ['etag conditional requests', 'docs/middleware/builtin/etag.md'],
];

interface Part {
  readonly page: string;
  readonly text: string;
}

function cut(page: string): Part[] {
  const content = readFileSync(join(CORPUS, page), 'utf8');
  const title = /^# (.*)$/m.exec(content)?.[1] ?? page;
  const sections = content.split(/^(?=#{2,4} )/m);
  return sections.flatMap((section) => {
    const heading = /^#+ (.*)/.exec(section)?.[1] ?? '';
    const pieces = section.match(/[\s\S]{1,1600}/g) ?? [];
    return pieces.map((piece) => ({ page, text: `${title} > ${heading}\n\n${piece}` }));
  });
}

async function embedAll(texts: readonly string[]): Promise<Float32Array[]> {
  const embedder = createLocalEmbedder();
  const vectors: Float32Array[] = [];
  for (let at = 0; at < texts.length; at += 256) {
    const request = texts.slice(at, at + 256);
    vectors.push(...(await embedder.embed(request, { purpose: 'document' })).vectors);
  }
  return vectors;
}

function rankPages(
  question: Float32Array,
  parts: readonly Part[],
  vectors: readonly Float32Array[],
): string[] {
  const best = new Map<string, number>();
  for (const [at, part] of parts.entries()) {
    let score = 0;
    for (const [place, value] of (vectors[at] ?? []).entries()) score += value * (question[place] ?? 0);
    if (score > (best.get(part.page) ?? -1)) best.set(part.page, score);
  }
  return [...best].sort((a, b) => b[1] - a[1]).map(([page]) => page);
}

describe('retrieval by the local embedder', () => {
  test(`finds the right page among the first three for at least ${FOUND_MIN} of 42 questions`, async () => {
    if (!existsSync(CORPUS)) {
      console.warn(`Not checked: the corpus at ../shared/corpora is absent.`);
      return;
    }
    const pages = readdirSync(CORPUS, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.md'),
    );
    const parts = pages.sort().flatMap(cut);
    const vectors = await embedAll(parts.map((part) => part.text));
    const questions = await embedAll(QUESTIONS.map(([question]) => question));
    const found = QUESTIONS.filter(([, page], at) =>
      rankPages(questions[at] as Float32Array, parts, vectors)
        .slice(0, 3)
        .includes(page),
    );
    expect(found.length).toBeGreaterThanOrEqual(FOUND_MIN);
  });
});
