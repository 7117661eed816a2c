/* A program for the tests to kill: says `ready`, repairs a dataset, and says `repaired`. */
import process from 'node:process';
import { openCrashRuntime } from './crash-runtime.ts';

const [dataDir = '', baseUrl = ''] = process.argv.slice(2);
const runtime = openCrashRuntime({ dataDir, baseUrl, name: 'repair', repairShareMax: 1 });
const dataset = runtime.dataset('docs/all');
await dataset.check();
process.stdout.write('ready\n');
await dataset.check({ level: 'deep', repair: true });
process.stdout.write('repaired\n');
await runtime.stop();
