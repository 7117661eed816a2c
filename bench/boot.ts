/*
 * How long a start takes until every dataset has checked its table and the supervisor is idle.
 *
 *     bun bench/boot.ts [--datasets 100]
 */
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { createSyncline } from '../src/index.ts';
import { measure } from './measure.ts';

const { values } = parseArgs({ options: { datasets: { type: 'string', default: '100' } } });
const datasetCount = Number(values.datasets);
const dataDir = join(tmpdir(), `syncline-bench-${process.pid}`);
const options = { dataDir, embedder: { provider: 'local' } } as const;

try {
  const first = createSyncline(options);
  await first.start();
  for (let number = 0; number < datasetCount; number += 1) {
    await first.dataset(`bench/d${number}`).ingest([{ key: 'a', content: `Document of dataset ${number}.` }]);
  }
  await first.stop();
  const runtime = createSyncline(options);
  const { measurement } = await measure(async () => {
    const idle = new Promise<void>((resolve) => {
      runtime.on((event) => {
        if (event.type === 'supervisor.state' && event.state === 'idle') resolve();
      });
    });
    await runtime.start();
    await idle;
  });
  await runtime.stop();
  const { wallMs, cpuMs, peakRssMb, lagMaxMs } = measurement;
  process.stdout.write(
    `${datasetCount} datasets in sync, start to idle: ${wallMs.toFixed(0)} ms (cpu ${cpuMs.toFixed(0)} ms, rss ${peakRssMb.toFixed(0)} MB, lag max ${lagMaxMs.toFixed(0)} ms)\n`,
  );
} finally {
  await rm(dataDir, { recursive: true, force: true });
}
