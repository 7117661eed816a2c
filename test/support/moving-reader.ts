/* A process that only reads: searches until it is told to end (SIGTERM), and says how often, or what it found that never was. */
import process from 'node:process';
import { openCrashRuntime } from './crash-runtime.ts';
import { startMovingReader } from './moving-source.ts';

const [dataDir = '', baseUrl = '', address = '', lasting = '', passing = ''] = process.argv.slice(2);
const runtime = openCrashRuntime({ dataDir, baseUrl, name: 'reader', access: 'readOnly' });
const reader = startMovingReader(runtime, address, {
  lasting: lasting.split(','),
  passing: passing.split(','),
});
process.once('SIGTERM', () => reader.end());
process.stdout.write('reading\n');
try {
  await reader.over;
  process.stdout.write(`searched ${reader.searchCount()}\n`);
} catch (error) {
  process.stdout.write(`failed ${String(error)}\n`);
}
await runtime.stop();
