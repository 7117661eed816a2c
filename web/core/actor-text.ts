import type { Tone } from '../ui/parts.tsx';
import type { Actor } from './types.ts';

/* Actors in words. */

type Value = Actor['value'];

/** Where it is: `idle`, `processing: chunk running, embed drained`. */
export function stateText(value: Value): string {
  if (typeof value === 'string') return wordsOf(value);
  return Object.entries(value)
    .map(([key, inner]) => {
      if (isEmpty(inner)) return wordsOf(key);
      const isLeaf = typeof inner === 'string';
      return isLeaf ? `${wordsOf(key)} ${wordsOf(inner)}` : `${wordsOf(key)}: ${stateText(inner as Value)}`;
    })
    .join(', ');
}

/** Ids of the states that it is in, as in the definition of its machine. */
export function activeIdsOf(machine: string, value: Value): string[] {
  if (typeof value === 'string') return [machine, `${machine}.${value}`];
  const inner = Object.entries(value).flatMap(([key, below]) =>
    isEmpty(below) ? [`${machine}.${key}`] : activeIdsOf(`${machine}.${key}`, below as Value),
  );
  return [machine, ...inner];
}

function isEmpty(value: unknown): boolean {
  return value === undefined || (typeof value === 'object' && Object.keys(value ?? {}).length === 0);
}

/** `backingOff` → `backing off` */
export function wordsOf(name: string): string {
  return name.replaceAll(
    /([a-z])([A-Z])/g,
    (_, before: string, after: string) => `${before} ${after.toLowerCase()}`,
  );
}

/** What an actor's colour says, which stands beside it in a word. */
export type Standing = 'error' | 'paused' | 'busy' | 'ready' | 'off';

const TONES: Readonly<Record<Standing, Tone>> = {
  error: 'bad',
  paused: 'warn',
  busy: 'busy',
  ready: 'ok',
  off: 'still',
};

export const STANDINGS = Object.keys(TONES) as Standing[];

/** By the tags of its states, the worst first. */
export function standingOf({ tags, status }: Pick<Actor, 'tags' | 'status'>): Standing {
  if (status === 'error') return 'error';
  return STANDINGS.find((standing) => tags.includes(standing)) ?? 'off';
}

export function toneOf(standing: Standing): Tone {
  return TONES[standing];
}

/** An XState event as people know it: `xstate.done.actor.checkTable` → `checkTable done`. */
export function eventText(event: string): string {
  if (event === 'xstate.init') return 'it began';
  if (event === 'xstate.stop') return 'it was let go';
  const [, kind, name] = /^xstate\.(done|error)\.(?:actor|state)\.(.+)$/.exec(event) ?? [];
  if (kind !== undefined) return `${name} ${kind === 'done' ? 'done' : 'failed'}`;
  const [, delay] = /^xstate\.after\.([^.]+)/.exec(event) ?? [];
  return delay === undefined ? event : `after ${delay}`;
}
