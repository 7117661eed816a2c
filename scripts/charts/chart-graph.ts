import type { ElkExtendedEdge, ElkNode, ElkPoint, ElkShape, LayoutOptions } from 'elkjs/lib/elk.bundled.js';
import type { MachineEdge, MachineModel, MachineNode } from '../../src/actors/machine-model.ts';
import { boxLines, edgeLabel, headWidth, LINE_HEIGHT, linesWidth, type TextLine } from './chart-text.ts';

/* A machine as the layout takes it: boxes with their sizes, arrows with the sizes of their labels. */

/** An arrow, for one edge of the model or several with the same ends. */
export interface Arrow {
  readonly id: string;
  readonly edgeIds: readonly string[];
  readonly sourceId: string;
  readonly targetId: string;
  readonly lines: readonly TextLine[];
  /** Back to where its state begins: laid out the other way round, so that the beginning stands at the top. */
  readonly isBackward: boolean;
}

/** What was found by looking at the picture of a machine. */
export interface ChartLayout {
  /** The beginning of the machine stands where it has the least lines to cross, not at the top. */
  readonly isStartAnywhere?: boolean;
  /** Of the layout's random choices. */
  readonly seed?: number;
  /** Left and right are exchanged. */
  readonly isMirrored?: boolean;
}

/** What is drawn, before it has places. */
export interface ChartGraph {
  readonly root: ElkNode;
  readonly arrows: ReadonlyMap<string, Arrow>;
  readonly boxLines: ReadonlyMap<string, readonly TextLine[]>;
}

/** Ids of what is drawn besides the states: where a state begins, and "in any state" of it. */
export const INITIAL_PREFIX = 'initial:';
export const ANY_PREFIX = 'any:';
export const ANY_TEXT = 'in any state';

export const BOX_PADDING = 12;
/** Above the lines of a box: its name. */
export const NAME_HEIGHT = 24;
const BOX_WIDTH_MIN = 96;
const INITIAL_SIZE = 12;
/** Around the text of a label. */
export const LABEL_PADDING = 4;

/** Given to each state that has others in it: they are not handed down. */
const LAYOUT_OPTIONS: LayoutOptions = {
  'elk.algorithm': 'layered',
  'elk.direction': 'DOWN',
  'elk.hierarchyHandling': 'INCLUDE_CHILDREN',
  'elk.edgeRouting': 'ORTHOGONAL',
  'elk.json.edgeCoords': 'ROOT',
  'elk.json.shapeCoords': 'ROOT',
  'elk.layered.nodePlacement.strategy': 'NETWORK_SIMPLEX',
  'elk.layered.thoroughness': '40',
  'elk.spacing.nodeNode': '20',
  'elk.spacing.edgeNode': '12',
  'elk.spacing.edgeEdge': '10',
  'elk.layered.spacing.nodeNodeBetweenLayers': '22',
  'elk.layered.spacing.edgeNodeBetweenLayers': '12',
  'elk.layered.spacing.edgeEdgeBetweenLayers': '10',
};

/** @param layout - How this machine is laid out best. */
export function chartGraph(model: MachineModel, layout: ChartLayout = {}): ChartGraph {
  const { nodes, edges } = model;
  const options = { ...LAYOUT_OPTIONS, 'elk.randomSeed': String(layout.seed ?? 1) };
  const parts = new Map(nodes.map((node) => [node.id, node]));
  const staying = (node: MachineNode): MachineEdge[] =>
    edges.filter(({ sourceId, targetIds }) => sourceId === node.id && targetIds.length === 0);
  const lines = new Map(nodes.map((node) => [node.id, boxLines(node, staying(node))]));
  const arrows = arrowsOf(model, parts, layout.isStartAnywhere ? undefined : nodes[0]?.initialId);
  const box = (node: MachineNode): ElkNode => {
    const inner = nodes.filter(({ parentId }) => parentId === node.id);
    const own = lines.get(node.id) ?? [];
    const width = Math.max(BOX_WIDTH_MIN, headWidth(node), linesWidth(own)) + 2 * BOX_PADDING;
    const height = NAME_HEIGHT + own.length * LINE_HEIGHT + BOX_PADDING;
    if (inner.length === 0) return { id: node.id, width, height: Math.max(height, 38) };
    const extra: ElkNode[] = [];
    if (node.initialId !== undefined) {
      extra.push({ id: `${INITIAL_PREFIX}${node.id}`, width: INITIAL_SIZE, height: INITIAL_SIZE });
    }
    const anyId = `${ANY_PREFIX}${node.id}`;
    if (arrows.some(({ sourceId }) => sourceId === anyId)) {
      extra.push({ id: anyId, width: linesWidth([{ text: ANY_TEXT }]) + 2 * BOX_PADDING, height: 26 });
    }
    return {
      id: node.id,
      children: [...extra, ...inner.map(box)],
      layoutOptions: {
        ...options,
        'elk.padding': `[top=${height + 10},left=18,bottom=18,right=18]`,
        'elk.nodeSize.constraints': 'MINIMUM_SIZE',
        'elk.nodeSize.minimum': `(${width},${height + 30})`,
      },
    };
  };
  const [first] = nodes;
  if (first === undefined) throw new Error(`${model.id} has no states.`);
  const begins = nodes.flatMap(({ id, initialId }) =>
    initialId === undefined
      ? []
      : [elkEdge(`${INITIAL_PREFIX}${id}:edge`, `${INITIAL_PREFIX}${id}`, initialId)],
  );
  return {
    root: {
      id: 'chart',
      layoutOptions: options,
      children: [box(first)],
      edges: [...begins, ...arrows.map(elkArrow)],
    },
    arrows: new Map(arrows.map((arrow) => [arrow.id, arrow])),
    boxLines: lines,
  };
}

/** One arrow for all edges with the same two ends. */
function arrowsOf(
  { edges }: MachineModel,
  nodes: ReadonlyMap<string, MachineNode>,
  rootInitialId: string | undefined,
): Arrow[] {
  const isBackToStart = (sourceId: string, targetId: string): boolean => {
    if (targetId === rootInitialId) return sourceId !== targetId;
    const parentId = nodes.get(targetId)?.parentId;
    const parent = nodes.get(parentId ?? '');
    return (
      parent?.parentId !== undefined &&
      parent.initialId === targetId &&
      nodes.get(sourceId)?.parentId === parentId &&
      sourceId !== targetId
    );
  };
  const isWithin = (id: string, outerId: string): boolean => {
    for (let at = nodes.get(id)?.parentId; at !== undefined; at = nodes.get(at)?.parentId) {
      if (at === outerId) return true;
    }
    return false;
  };
  const drawn = edges.flatMap((edge) =>
    edge.targetIds.map((targetId) => ({
      edge,
      targetId,
      sourceId: isWithin(targetId, edge.sourceId) ? `${ANY_PREFIX}${edge.sourceId}` : edge.sourceId,
    })),
  );
  return [...Map.groupBy(drawn, ({ sourceId, targetId }) => `${sourceId} ${targetId}`).values()].flatMap(
    (same) => {
      const [first] = same;
      if (first === undefined) return [];
      const merged = same.map(({ edge }) => edge);
      const { sourceId, targetId } = first;
      return {
        id: `ed-${first.edge.id}`,
        edgeIds: merged.map(({ id }) => id),
        sourceId,
        targetId,
        isBackward: isBackToStart(sourceId, targetId),
        lines: edgeLabel(merged, edges),
      };
    },
  );
}

function elkArrow({ id, sourceId, targetId, lines, isBackward }: Arrow): ElkExtendedEdge {
  const edge = isBackward ? elkEdge(id, targetId, sourceId) : elkEdge(id, sourceId, targetId);
  if (lines.length === 0) return edge;
  const width = linesWidth(lines) + 2 * LABEL_PADDING;
  const height = lines.length * LINE_HEIGHT + LABEL_PADDING;
  return {
    ...edge,
    labels: [{ text: id, width, height, layoutOptions: { 'elk.edgeLabels.placement': 'CENTER' } }],
  };
}

function elkEdge(id: string, sourceId: string, targetId: string): ElkExtendedEdge {
  return { id, sources: [sourceId], targets: [targetId] };
}

/** The same picture as in a mirror. All places are told from the corner of the whole, not from that of an outer box. */
export function mirrored(placed: ElkNode): ElkNode {
  const whole = placed.width ?? 0;
  const flipPoint = ({ x, y }: ElkPoint): ElkPoint => ({ x: whole - x, y });
  const flipShape = <Shape extends ElkShape>(shape: Shape): Shape => ({
    ...shape,
    x: whole - (shape.x ?? 0) - (shape.width ?? 0),
  });
  const flipEdge = (edge: ElkExtendedEdge): ElkExtendedEdge => ({
    ...edge,
    labels: (edge.labels ?? []).map(flipShape),
    sections: (edge.sections ?? []).map((section) => ({
      ...section,
      startPoint: flipPoint(section.startPoint),
      bendPoints: (section.bendPoints ?? []).map(flipPoint),
      endPoint: flipPoint(section.endPoint),
    })),
  });
  const flip = (node: ElkNode): ElkNode => ({
    ...flipShape(node),
    children: (node.children ?? []).map(flip),
    edges: (node.edges ?? []).map(flipEdge),
  });
  return flip(placed);
}
