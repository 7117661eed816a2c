/*
 * Draws every machine into `web/charts`, and into `docs/charts` with a style of its own: laid out here, so that the page only has to light what is active. What is drawn is
 * committed; test/web compares it with the machines.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ELK from 'elkjs/lib/elk.bundled.js';
import { machineModel } from '../src/actors/machine-model.ts';
import { MACHINES, type MachineName } from '../src/actors/machines.ts';
import { type ChartLayout, chartGraph, mirrored } from './charts/chart-graph.ts';
import { drawSvg } from './charts/draw-svg.ts';
import { standalone } from './charts/standalone.ts';

const ROOT = resolve(import.meta.dirname, '..');
/** For the pages, and for the documentation. */
const WEB = 'web/charts';
const DOCS = 'docs/charts';

/** Chosen by looking: few lines cross, and regions stand in the order of the work. */
const LAYOUTS: Readonly<Partial<Record<MachineName, ChartLayout>>> = {
  dataset: { seed: 15, isStartAnywhere: true, isMirrored: true },
};

/** The files by their paths. */
export async function drawCharts(): Promise<Map<string, string>> {
  const elk = new ELK();
  const files = new Map<string, string>();
  for (const [name, machine] of Object.entries(MACHINES)) {
    const model = machineModel(machine);
    const layout = LAYOUTS[name as MachineName] ?? {};
    const graph = chartGraph(model, layout);
    const found = await elk.layout(graph.root);
    const placed = layout.isMirrored ? mirrored(found) : found;
    const svg = drawSvg(model, graph, placed);
    files.set(`${WEB}/${model.id}.svg`, svg);
    files.set(`${DOCS}/${model.id}.svg`, standalone(svg));
  }
  files.set(`${WEB}/charts.ts`, listOf(Object.keys(MACHINES).map((name) => `${name}.svg`)));
  return files;
}

/** What the pages know the pictures by; the bundler puts an address of its own for each. */
function listOf(names: readonly string[]): string {
  const constOf = (name: string): string =>
    name.replace('.svg', '').replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
  return [
    '// Made by scripts/build-charts.ts.',
    ...names.toSorted().map((name) => `import ${constOf(name)} from './${name}' with { type: 'file' };`),
    '',
    '/** Where the picture of each machine is, by the name of the machine, seen from the script. */',
    'export const CHARTS: Readonly<Record<string, string>> = {',
    ...names.map((name) => {
      const key = name.replace('.svg', '');
      return /^[a-z]+$/.test(key) ? `  ${key},` : `  '${key}': ${constOf(name)},`;
    }),
    '};',
    '',
  ].join('\n');
}

if (import.meta.main) {
  for (const folder of [WEB, DOCS]) mkdirSync(join(ROOT, folder), { recursive: true });
  for (const [path, text] of await drawCharts()) writeFileSync(join(ROOT, path), text);
  process.exit();
}
