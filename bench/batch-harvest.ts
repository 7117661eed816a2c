/**
 * How much memory it takes to bring in a full batch job: by default 50,000 vectors of 1,536 numbers, whose output file is more than a
 * gigabyte. The stand-in for the provider is this process; the job is made by one process and harvested by another, whose
 * peak of resident memory counts.
 *
 *     bun bench/batch-harvest.ts --texts 50000 --dimensions 1536
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { createOpenAiEmbedder } from '../src/embedders/openai-embedder.ts';
import { createRuntime, type Runtime } from '../src/runtime/create-runtime.ts';
import { startBatchServer } from '../test/support/batch-server.ts';
import { startProgram } from '../test/support/child-program.ts';
import { makeTempDir } from '../test/support/temp-dir.ts';

const DOCUMENTS_PER_CALL = 5_000;

function open(dataDir: string, baseUrl: string, dimensions: number): Runtime {
  return createRuntime({
    dataDir,
    environment: {},
    embedder: createOpenAiEmbedder({
      model: 'm',
      dimensions,
      baseUrl,
      batch: { enqueuedTokensMax: 1_000_000_000 },
      timeoutMs: 600_000,
    }),
  });
}

/** Takes documents in and submits one job with all their texts. */
async function prepare(runtime: Runtime, texts: number): Promise<void> {
  const dataset = runtime.dataset('bench/batch');
  await dataset.create({ batch: { mode: 'always' } });
  for (let from = 0; from < texts; from += DOCUMENTS_PER_CALL) {
    const count = Math.min(DOCUMENTS_PER_CALL, texts - from);
    const documents = Array.from({ length: count }, (_, index) => ({
      key: String(from + index),
      content: `Document ${from + index} of the benchmark.`,
    }));
    await dataset.ingest(documents, { mode: 'async' });
  }
  const { jobs, failures } = await runtime.batch.flush();
  if (failures.length > 0 || jobs.length !== 1)
    throw new Error(JSON.stringify({ failures, jobs: jobs.length }));
}

/** Brings the job in; tells what that took. */
async function harvest(runtime: Runtime): Promise<void> {
  const startMs = performance.now();
  for (;;) {
    const { jobs, failures } = await runtime.batch.sync({ index: false });
    if (failures.length > 0) throw new Error(JSON.stringify(failures));
    const [job] = jobs;
    if (job === undefined || job.nextStep === 'done') break;
  }
  const [job] = (await runtime.batch.list()).items;
  const seconds = (performance.now() - startMs) / 1_000;
  process.stdout.write(`${JSON.stringify({ stored: job?.storedCount, seconds, peakMb: peakMb() })}\n`);
}

/** The peak of this process's resident memory, in MB, by Linux. */
function peakMb(): number {
  const kilobytes = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Math.round(Number(kilobytes) / 1_000);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { texts: { type: 'string', default: '50000' }, dimensions: { type: 'string', default: '1536' } },
  });
  const [step, dataDir = '', baseUrl = ''] = positionals;
  const dimensions = Number(values.dimensions);
  if (step !== undefined) {
    const runtime = open(dataDir, baseUrl, dimensions);
    await (step === 'prepare' ? prepare(runtime, Number(values.texts)) : harvest(runtime));
    await runtime.stop();
    return;
  }
  await using server = await startBatchServer({ dimensions, looksUntilOver: 1 });
  using folder = makeTempDir();
  for (const own of ['prepare', 'harvest']) {
    const options = ['--texts', values.texts, '--dimensions', values.dimensions];
    const program = startProgram(new URL(import.meta.url), [
      own,
      folder.join('data'),
      server.url,
      ...options,
    ]);
    const ended = await program.ended;
    if (ended !== '0') throw new Error(`${own} ended with ${ended}: ${program.output()}`);
    if (own === 'harvest') {
      const outputMb = Math.round(server.sentBytes / 1_000_000);
      process.stdout.write(`${JSON.stringify({ outputMb, ...JSON.parse(program.output()) })}\n`);
    }
  }
}

await main();
