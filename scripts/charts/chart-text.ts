import type { MachineEdge, MachineModel, MachineNode } from '../../src/actors/machine-model.ts';

/* What a chart says, and how much room that takes. */

/** One line of a label or of a box. */
export interface TextLine {
  readonly text: string;
  readonly kind: 'event' | 'guard' | 'act';
  /** Edges of the model that it stands for. */
  readonly edgeIds: readonly string[];
}

/** Letters of a monospaced font are as wide as this part of its size, in all that browsers come with. */
const MONO_WIDTH = 0.602;
/** The wider ones of the bold fonts for names of states; names are centred, so that a little more or less is not seen. */
const NAME_WIDTH = 0.64;

export const NAME_SIZE = 13;
export const LINE_SIZE = 11;
export const LINE_HEIGHT = 15;
/** Longer lines are broken between words. */
const LINE_LENGTH_MAX = 16;

function nameWidth(text: string): number {
  return Math.ceil(text.length * NAME_SIZE * NAME_WIDTH);
}

/** The tags of a state stand behind its name, in smaller letters, unless that says it already. */
export function tagText({ key, tags }: MachineNode): string {
  return tags.filter((tag) => tag !== key).join(' ');
}

export function headWidth(node: MachineNode): number {
  const tags = tagText(node);
  return nameWidth(node.key) + (tags === '' ? 0 : linesWidth([{ text: tags }]) + 8);
}

export function linesWidth(lines: readonly { readonly text: string }[]): number {
  return Math.ceil(Math.max(0, ...lines.map(({ text }) => text.length)) * LINE_SIZE * MONO_WIDTH);
}

/** What stands at an arrow that several edges share. */
export function edgeLabel(edges: readonly MachineEdge[], model: readonly MachineEdge[]): TextLine[] {
  const groups = Map.groupBy(edges, ({ event }) => event);
  return [...groups.values()].flatMap((same) => {
    const [first] = same;
    if (first === undefined) return [];
    const rivals = rivalsOf(first, model);
    const edgeIds = same.map(({ id }) => id);
    const event = eventText(first) || (groups.size > 1 ? 'at once' : '');
    const eventLine =
      event === ''
        ? []
        : (groups.size > 1 ? [event] : broken(event)).map((text) => ({
            text,
            kind: 'event' as const,
            edgeIds,
          }));
    // All cases of the event lead here.
    if (same.length === rivals.length && same.at(-1)?.guard === undefined) return eventLine;
    const guards = same.flatMap((edge) => {
      const guard = edge.guard === undefined ? elseText(edge, rivals) : guardText(edge.guard);
      const lines = guard === '' ? [] : broken(`[${guard}]`);
      return lines.map((text) => ({ text, kind: 'guard' as const, edgeIds: [edge.id] }));
    });
    return [...eventLine, ...guards];
  });
}

/** What a state hears without leaving it, and what it runs; events that do the same share a line. */
export function boxLines(node: MachineNode, own: readonly MachineEdge[]): TextLine[] {
  const runs = node.invokes.map(({ source }) => ({
    text: `runs ${source}`,
    kind: 'act' as const,
    edgeIds: [],
  }));
  const byEvent = Map.groupBy(own, (edge) => eventText(edge));
  const hears = [...byEvent].map(([event, edges]) => {
    const isIgnored = edges.every(({ actions }) => actions.length === 0);
    return {
      text: `${isIgnored ? '⊘' : '↻'} ${event}`,
      kind: 'event' as const,
      edgeIds: edges.map(({ id }) => id),
    };
  });
  return [...runs, ...hears];
}

/** What the marks of the pictures mean. */
export const LEGEND: readonly string[] = [
  '● it begins here',
  'double frame: it ends here',
  'dashed: beside the others',
  'runs x: as long as the state lasts',
  '↻ x: heard without leaving',
  '⊘ x: ignored',
  '[x]: only if',
  '[else]: in every other case',
];

/** The legend in as many lines as it takes. */
export function legendLines(width: number): string[] {
  const lines: string[] = [];
  for (const entry of LEGEND) {
    const last = lines.at(-1);
    const longer = `${last} · ${entry}`;
    if (last !== undefined && linesWidth([{ text: longer }]) <= width) lines[lines.length - 1] = longer;
    else lines.push(entry);
  }
  return lines;
}

/** The same as the picture, for those who hear it. */
export function describeModel({ nodes, edges }: MachineModel): string {
  const [root] = nodes;
  const nameOf = (id: string): string => id.slice((root?.id.length ?? 0) + 1) || id;
  const states = nodes
    .filter(({ parentId }) => parentId !== undefined)
    .map(({ id, tags, type }) => {
      const marks = [...tags, ...(type === 'final' ? ['the end'] : [])].join(', ');
      return `${nameOf(id)}${marks === '' ? '' : ` (${marks})`}`;
    });
  return `${states.length} states and ${edges.length} transitions. It begins in ${nameOf(root?.initialId ?? '')}. The states: ${states.join('; ')}.`;
}

/** What sets an edge off. */
export function eventText({ kind, label }: MachineEdge): string {
  switch (kind) {
    case 'event':
      return label;
    case 'done':
      return `${ofActor(label)} done`;
    case 'error':
      return `${ofActor(label)} failed`;
    case 'after':
      return `after ${label}`;
    case 'always':
      return '';
  }
}

function ofActor(label: string): string {
  return label === '*' ? 'an actor' : label;
}

/** The edges of a state for one event, of which the first whose guard holds is taken. */
function rivalsOf({ sourceId, event }: MachineEdge, model: readonly MachineEdge[]): MachineEdge[] {
  return model.filter((edge) => edge.sourceId === sourceId && edge.event === event);
}

/** An edge without a guard, after one with a guard, is the other case. */
function elseText(edge: MachineEdge, rivals: readonly MachineEdge[]): string {
  return rivals.indexOf(edge) > 0 ? 'else' : '';
}

/** `and(a, not(b))` as people would say it. */
export function guardText(guard: string): string {
  return say(guard, false);
}

function say(guard: string, isInner: boolean): string {
  const match = /^(and|or|not|stateIn)\((.*)\)$/.exec(guard);
  const [, name, inner = ''] = match ?? [];
  if (name === undefined) return guard;
  if (name === 'stateIn') return `in ${inner}`;
  if (name === 'not') return `not ${say(inner, true)}`;
  const text = argumentsOf(inner)
    .map((part) => say(part, true))
    .join(` ${name} `);
  return isInner ? `(${text})` : text;
}

/** The arguments between commas that stand in no inner brackets. */
function argumentsOf(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (const [index, letter] of [...text].entries()) {
    if (letter === '(') depth += 1;
    if (letter === ')') depth -= 1;
    if (letter !== ',' || depth > 0) continue;
    parts.push(text.slice(start, index).trim());
    start = index + 1;
  }
  return [...parts, text.slice(start).trim()];
}

function broken(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= LINE_LENGTH_MAX) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else lines.push(word);
  }
  return lines;
}
