import type { StateValue } from 'xstate';

type Path<Value> = Value extends string
  ? Value
  : { [Key in keyof Value & string]: `${Key}.${Path<NonNullable<Value[Key]>>}` }[keyof Value & string];

/** Of a union of dotted paths those that no other one goes on from. */
type Longest<All extends string, One extends All = All> = One extends One
  ? Extract<All, `${One}.${string}`> extends never
    ? One
    : never
  : never;

/** Every leaf of a machine's states as a dotted path, so that a table over them has no holes; of parallel regions one path each. */
export type LeafPath<Value> = Longest<Path<Value>>;

/** The leaves that a state value stands for. */
export function leavesOf(value: StateValue): string[] {
  if (typeof value === 'string') return [value];
  return Object.entries(value).flatMap(([key, inner]) =>
    inner === undefined ? [] : leavesOf(inner).map((path) => `${key}.${path}`),
  );
}
