import type { ComponentChildren, JSX } from 'preact';
import { wordsOf } from '../core/actor-text.ts';
import { formatCount, formatDuration, formatRelative, nowMs } from '../core/format.ts';
import { Ago, Fact } from '../ui/parts.tsx';

/** What an actor remembers, as the server shows it: names become words, and units are read from their ends. */
export function ContextFacts({
  context,
}: {
  readonly context: Readonly<Record<string, unknown>>;
}): JSX.Element {
  return (
    <dl class="card facts">
      {Object.entries(context).map(([name, value]) => (
        <Fact key={name} name={nameOf(name)}>
          {show(name, value)}
        </Fact>
      ))}
    </dl>
  );
}

function nameOf(name: string): string {
  const words = wordsOf(name.replace(/(?:AtMs|UntilMs|Ms|At)$/, ''));
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function show(name: string, value: unknown): ComponentChildren {
  if (value === undefined || value === null || value === '') return <span class="muted">–</span>;
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'number') {
    if (/(?:At|Until)Ms$/.test(name)) return formatRelative(value, nowMs.value);
    return name.endsWith('Ms') ? formatDuration(value) : formatCount(value);
  }
  if (typeof value === 'string') return name.endsWith('At') ? <Ago at={value} /> : value;
  if (Array.isArray(value))
    return value.length === 0 ? <span class="muted">none</span> : value.map(String).join(', ');
  const parts = Object.entries(value).filter(([, inner]) => inner !== undefined && inner !== null);
  if (parts.length === 0) return <span class="muted">none</span>;
  return (
    <ul class="remembered">
      {parts.map(([key, inner]) => (
        <li key={key}>
          {nameOf(key)}: {show(key, inner)}
        </li>
      ))}
    </ul>
  );
}
