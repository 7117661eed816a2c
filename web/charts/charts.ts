// Made by scripts/build-charts.ts.
import batch from './batch.svg' with { type: 'file' };
import dataset from './dataset.svg' with { type: 'file' };
import provider from './provider.svg' with { type: 'file' };
import scheduler from './scheduler.svg' with { type: 'file' };
import supervisor from './supervisor.svg' with { type: 'file' };
import watcher from './watcher.svg' with { type: 'file' };

/** Where the picture of each machine is, by the name of the machine, seen from the script. */
export const CHARTS: Readonly<Record<string, string>> = {
  supervisor,
  dataset,
  provider,
  watcher,
  scheduler,
  batch,
};
