import type { ElkExtendedEdge, ElkLabel, ElkNode, ElkPoint } from 'elkjs/lib/elk.bundled.js';
import type { MachineModel, MachineNode } from '../../src/actors/machine-model.ts';
import {
  ANY_PREFIX,
  ANY_TEXT,
  type Arrow,
  type ChartGraph,
  INITIAL_PREFIX,
  LABEL_PADDING,
  NAME_HEIGHT,
} from './chart-graph.ts';
import { describeModel, LINE_HEIGHT, legendLines, type TextLine, tagText } from './chart-text.ts';

/* A laid-out chart as SVG: classes only, so that the page that shows it gives it its colours. */

const CORNER = 6;
const LEGEND_MARGIN = 16;
const STRIP_WIDTH = 4;
const ARROW_LENGTH = 8;
const ARROW_HALF = 3.5;

export function drawSvg(model: MachineModel, graph: ChartGraph, placed: ElkNode): string {
  const nodes = new Map(model.nodes.map((node) => [node.id, node]));
  const width = Math.ceil(placed.width ?? 0);
  const legend = legendLines(width - 2 * LEGEND_MARGIN);
  const legendY = Math.ceil(placed.height ?? 0) + 8;
  const height = legendY + legend.length * LINE_HEIGHT + 4;
  const boxes: string[] = [];
  const visit = (place: ElkNode, depth: number): void => {
    const node = nodes.get(place.id);
    if (node !== undefined) boxes.push(drawBox(node, place, nodes, graph.boxLines.get(node.id) ?? [], depth));
    else if (place.id.startsWith(INITIAL_PREFIX)) boxes.push(drawInitial(place));
    else if (place.id.startsWith(ANY_PREFIX)) boxes.push(drawAny(place));
    for (const child of place.children ?? []) visit(child, depth + 1);
  };
  for (const child of placed.children ?? []) visit(child, 0);
  const edges = edgesOf(placed);
  const titleId = `chart-${model.id}-title`;
  const aboutId = `chart-${model.id}-about`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="statechart" id="chart-${model.id}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="${titleId} ${aboutId}">`,
    `<title id="${titleId}">The state machine “${model.id}”</title>`,
    `<desc id="${aboutId}">${escaped(describeModel(model))}</desc>`,
    ...boxes,
    ...edges.map((edge) => drawLine(edge, graph.arrows.get(edge.id))),
    ...edges.flatMap((edge) => drawLabel(edge, graph.arrows.get(edge.id))),
    ...legend.map((line, index) => text('legend', LEGEND_MARGIN, legendY + index * LINE_HEIGHT + 4, line)),
    '</svg>',
    '',
  ].join('\n');
}

function edgesOf(node: ElkNode): ElkExtendedEdge[] {
  return [...(node.edges ?? []), ...(node.children ?? []).flatMap(edgesOf)];
}

function drawBox(
  node: MachineNode,
  place: ElkNode,
  nodes: ReadonlyMap<string, MachineNode>,
  lines: readonly TextLine[],
  depth: number,
): string {
  const { x, y, width, height } = sizeOf(place);
  const isRegion = nodes.get(node.parentId ?? '')?.type === 'parallel';
  const isOuter = (place.children ?? []).length > 0;
  const classes = [
    'state',
    isOuter ? 'outer' : 'inner',
    node.type === 'final' ? 'final' : '',
    isRegion ? 'region' : '',
    depth === 0 ? 'machine' : '',
    ...node.tags.map((tag) => `tag-${tag}`),
  ].filter((name) => name !== '');
  const radius = isRegion || depth === 0 ? 4 : 8;
  const textX = isOuter ? x + 14 : x + width / 2;
  const parts = [
    rect('box', x, y, width, height, radius),
    ...(node.type === 'final' ? [rect('ring', x + 3, y + 3, width - 6, height - 6, radius - 2)] : []),
    ...(node.tags.length === 0 ? [] : [rect('strip', x, y + radius, STRIP_WIDTH, height - 2 * radius, 0)]),
    head(node, textX, y + 20),
    ...lines.map((line, index) => {
      const at = y + NAME_HEIGHT + 11 + index * LINE_HEIGHT;
      return text(`line ${line.kind}`, textX, at, line.text, line.edgeIds);
    }),
  ];
  return `<g class="${classes.join(' ')}" id="st-${node.id}">${parts.join('')}</g>`;
}

function drawInitial(place: ElkNode): string {
  const { x, y, width } = sizeOf(place);
  const radius = width / 2;
  return `<circle class="initial" cx="${round(x + radius)}" cy="${round(y + radius)}" r="${radius}"/>`;
}

function drawAny(place: ElkNode): string {
  const { x, y, width, height } = sizeOf(place);
  return `<g class="any">${rect('box', x, y, width, height, height / 2)}${text('line', x + width / 2, y + 17, ANY_TEXT)}</g>`;
}

/** The line with its arrowhead. */
function drawLine(edge: ElkExtendedEdge, arrow: Arrow | undefined): string {
  const shapes = (edge.sections ?? []).map(({ startPoint, bendPoints = [], endPoint }) => {
    const along = [startPoint, ...bendPoints, endPoint];
    const points = arrow?.isBackward ? along.reverse() : along;
    const end = points.at(-1) ?? startPoint;
    return `<path class="wire" d="${roundedPath(points)}"/><path class="head" d="${headPath(points.at(-2) ?? end, end)}"/>`;
  });
  const ids = arrow === undefined ? '' : ` id="${arrow.id}" data-edges="${arrow.edgeIds.join(' ')}"`;
  return `<g class="edge${arrow === undefined ? ' begin' : ''}"${ids}>${shapes.join('')}</g>`;
}

function drawLabel(edge: ElkExtendedEdge, arrow: Arrow | undefined): string[] {
  const [label] = edge.labels ?? [];
  if (label === undefined || arrow === undefined) return [];
  const { x, y, width, height } = sizeOf(label);
  const lines = arrow.lines.map((line, index) =>
    text(`line ${line.kind}`, x + width / 2, y + 12 + index * LINE_HEIGHT, line.text, line.edgeIds),
  );
  return [
    `<g class="label" data-edges="${arrow.edgeIds.join(' ')}">${rect('paper', x, y, width, height, LABEL_PADDING)}${lines.join('')}</g>`,
  ];
}

function sizeOf({ x = 0, y = 0, width = 0, height = 0 }: ElkNode | ElkLabel) {
  return { x, y, width, height };
}

function rect(name: string, x: number, y: number, width: number, height: number, radius: number): string {
  return `<rect class="${name}" x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" rx="${round(radius)}"/>`;
}

function text(name: string, x: number, y: number, content: string, edgeIds: readonly string[] = []): string {
  const edges = edgeIds.length === 0 ? '' : ` data-edges="${edgeIds.join(' ')}"`;
  return `<text class="${name}" x="${round(x)}" y="${round(y)}"${edges}>${escaped(content)}</text>`;
}

/** A state's name, with its tags. */
function head(node: MachineNode, x: number, y: number): string {
  const tags = tagText(node);
  const behind = tags === '' ? '' : `<tspan class="tag" dx="7">${escaped(tags)}</tspan>`;
  return `<text class="name" x="${round(x)}" y="${round(y)}">${escaped(node.key)}${behind}</text>`;
}

/** Through all points, with round corners, up to where the arrowhead begins. */
function roundedPath(points: readonly ElkPoint[]): string {
  const [start] = points;
  if (start === undefined) return '';
  const steps = points.slice(1, -1).map((corner, index) => {
    const before = points[index] ?? corner;
    const after = points[index + 2] ?? corner;
    const radius = Math.min(CORNER, distance(before, corner) / 2, distance(corner, after) / 2);
    return `L${at(towards(corner, before, radius))}Q${at(corner)} ${at(towards(corner, after, radius))}`;
  });
  const end = points.at(-1) ?? start;
  const shortened = towards(end, points.at(-2) ?? end, ARROW_LENGTH - 1);
  return `M${at(start)}${steps.join('')}L${at(shortened)}`;
}

function headPath(before: ElkPoint, end: ElkPoint): string {
  const base = towards(end, before, ARROW_LENGTH);
  const length = distance(before, end) || 1;
  const across = {
    x: (-(end.y - before.y) / length) * ARROW_HALF,
    y: ((end.x - before.x) / length) * ARROW_HALF,
  };
  const one = { x: base.x + across.x, y: base.y + across.y };
  const other = { x: base.x - across.x, y: base.y - across.y };
  return `M${at(end)}L${at(one)}L${at(other)}Z`;
}

function distance(one: ElkPoint, other: ElkPoint): number {
  return Math.hypot(other.x - one.x, other.y - one.y);
}

function towards(from: ElkPoint, to: ElkPoint, step: number): ElkPoint {
  const length = distance(from, to) || 1;
  return { x: from.x + ((to.x - from.x) / length) * step, y: from.y + ((to.y - from.y) / length) * step };
}

function at({ x, y }: ElkPoint): string {
  return `${round(x)},${round(y)}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
