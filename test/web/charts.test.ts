import { beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { drawCharts } from '../../scripts/build-charts.ts';
import { machineModel } from '../../src/actors/machine-model.ts';
import { MACHINES } from '../../src/actors/machines.ts';

// A layout takes a second, more where other things run.
setDefaultTimeout(120_000);

const ROOT = join(import.meta.dirname, '../..');
const FOLDERS = ['web/charts', 'docs/charts'];
const MODELS = Object.values(MACHINES).map(machineModel);

const committed = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const found = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, value = '']) => value);

describe('the pictures of the machines', () => {
  let drawn: Map<string, string>;
  beforeAll(async () => {
    drawn = await drawCharts();
  });

  test('are those that the machines give: bun scripts/build-charts.ts', () => {
    const there = FOLDERS.flatMap((folder) =>
      readdirSync(join(ROOT, folder)).map((name) => `${folder}/${name}`),
    );
    expect([...drawn.keys()].sort()).toEqual(there.sort());
    for (const [name, text] of drawn) expect([name, committed(name) === text]).toEqual([name, true]);
  });
});

describe.each(MODELS)('the picture of the machine $id', (model) => {
  const svg = committed(`web/charts/${model.id}.svg`);

  test('has every state, every transition, and nothing else', () => {
    expect(found(svg, / id="st-([^"]+)"/g).sort()).toEqual(model.nodes.map(({ id }) => id).sort());
    const edges = found(svg, / data-edges="([^"]+)"/g).flatMap((ids) => ids.split(' '));
    expect([...new Set(edges)].sort()).toEqual(model.edges.map(({ id }) => id).sort());
    const arrows = found(svg, /class="edge" id="ed-[^"]+" data-edges="([^"]+)"/g).flatMap((ids) =>
      ids.split(' '),
    );
    const leading = model.edges.filter(({ targetIds }) => targetIds.length > 0);
    expect(arrows.sort()).toEqual(leading.map(({ id }) => id).sort());
  });

  test('tells the cases of an event apart', () => {
    const cases = model.edges.flatMap(({ sourceId, event, guard }) =>
      guard === undefined ? [] : `${sourceId} ${event} ${guard}`,
    );
    expect(cases.filter((one, index) => cases.indexOf(one) !== index)).toEqual([]);
  });

  test('says what it is to those who do not see it', () => {
    expect(svg).toContain(`<title id="chart-${model.id}-title">`);
    expect(svg).toContain(`aria-labelledby="chart-${model.id}-title chart-${model.id}-about"`);
    for (const { key } of model.nodes.slice(1)) expect(svg).toContain(key);
  });

  test('takes its looks from the page alone', () => {
    expect(svg).not.toMatch(/\bstyle=|<style|<script|fill=|stroke=|href=|\bon\w+=/);
  });

  test('has no label over another, over a line or over a state', () => {
    const labels = rectsOf(svg, /<g class="label"[^>]*><rect class="paper" ([^>]+)\/>/g);
    const inner = rectsOf(svg, /<g class="state inner[^>]*><rect class="box" ([^>]+)\/>/g);
    const wires = found(svg, /<path class="wire" d="([^"]+)"/g).flatMap(straightParts);
    const covered = labels.flatMap((label, index) => [
      ...[...labels.slice(index + 1), ...inner].filter((other) => meet(label, other)),
      ...wires.filter((wire) => meet(label, wire)),
    ]);
    expect(covered).toEqual([]);
    expect(inner.filter((one, index) => inner.slice(index + 1).some((other) => meet(one, other)))).toEqual(
      [],
    );
    expect(inner.filter((state) => wires.some((wire) => meet(state, wire)))).toEqual([]);
  });
});

interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

function rectsOf(svg: string, pattern: RegExp): Rect[] {
  return found(svg, pattern).map((attributes) => {
    const read = (name: string): number => Number(new RegExp(`\\b${name}="([^"]+)"`).exec(attributes)?.[1]);
    return { x: read('x'), y: read('y'), width: read('width'), height: read('height') };
  });
}

/** The lines between the points of a path, as thin rectangles. */
function straightParts(path: string): Rect[] {
  const points = found(path, /([\d.-]+,[\d.-]+)/g).map((pair) => pair.split(',').map(Number));
  return points.slice(1).map(([x = 0, y = 0], index) => {
    const [fromX = 0, fromY = 0] = points[index] ?? [];
    return {
      x: Math.min(x, fromX),
      y: Math.min(y, fromY),
      width: Math.abs(x - fromX),
      height: Math.abs(y - fromY),
    };
  });
}

/** Whether two overlap by more than what is lost in rounding. */
function meet(one: Rect, other: Rect): boolean {
  const slack = 0.5;
  return (
    one.x + one.width > other.x + slack &&
    other.x + other.width > one.x + slack &&
    one.y + one.height > other.y + slack &&
    other.y + other.height > one.y + slack
  );
}
