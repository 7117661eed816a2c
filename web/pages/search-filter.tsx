import type { Signal } from '@preact/signals';
import type { JSX } from 'preact';
import type { SearchFilter } from '../core/types.ts';
import { Button, Choice } from '../ui/controls.tsx';

/** A comparison that results have to meet. */
export interface Condition {
  readonly field: string;
  readonly op: 'eq' | 'ne' | 'lt' | 'lte' | 'gt' | 'gte' | 'contains';
  readonly value: string;
}

type FieldTypes = Readonly<Record<string, string>>;

/** Fields that every document has. */
const BUILT_IN: FieldTypes = { source: 'string', key: 'string', title: 'string' };

const OPS: Readonly<Record<Condition['op'], string>> = {
  eq: 'is',
  ne: 'is not',
  contains: 'contains',
  lt: '<',
  lte: '≤',
  gt: '>',
  gte: '≥',
};

const NEW: Condition = { field: 'key', op: 'contains', value: '' };

/** The filter that all conditions make together; one without a value counts for nothing. */
export function filterOf(conditions: readonly Condition[], fields: FieldTypes): SearchFilter | undefined {
  const filters = conditions
    .filter(({ value }) => value.trim() !== '')
    .map(({ field, op, value }) => ({
      op,
      field,
      value: typed(value.trim(), { ...BUILT_IN, ...fields }[field]),
    })) as SearchFilter[];
  if (filters.length === 0) return undefined;
  return { op: 'and', filters };
}

/** What was typed, as the field has it. What does not fit, the server says. */
function typed(value: string, type = 'string'): string | number | boolean {
  if (type === 'number' || type === 'integer') return Number.isNaN(Number(value)) ? value : Number(value);
  if (type === 'boolean') return value === 'true' || value === 'yes';
  return value;
}

/** The conditions of a search, to be added to and taken from. */
export function ConditionEditor({
  fields,
  conditions,
}: {
  readonly fields: FieldTypes;
  readonly conditions: Signal<readonly Condition[]>;
}): JSX.Element {
  const names = Object.fromEntries(Object.keys({ ...fields, ...BUILT_IN }).map((name) => [name, name]));
  const change = (place: number, part: Partial<Condition>): void => {
    conditions.value = conditions.value.map((each, at) => (at === place ? { ...each, ...part } : each));
  };
  return (
    <div class="conditions">
      {conditions.value.map(({ field, op, value }, place) => (
        <div key={place} class="condition">
          <Choice
            label="Field"
            value={field}
            options={names}
            onChange={(name) => change(place, { field: name })}
          />
          <Choice
            label="Comparison"
            value={op}
            options={OPS}
            onChange={(each) => change(place, { op: each })}
          />
          <input
            aria-label="Value"
            value={value}
            onInput={({ currentTarget }) => change(place, { value: currentTarget.value })}
          />
          <Button
            kind="quiet"
            label={`Remove the condition on ${field}`}
            onPress={() => {
              conditions.value = conditions.value.filter((_, at) => at !== place);
            }}
          >
            ✕
          </Button>
        </div>
      ))}
      <Button
        kind="quiet"
        onPress={() => {
          conditions.value = [...conditions.value, NEW];
        }}
      >
        + Filter
      </Button>
    </div>
  );
}
