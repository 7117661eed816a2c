import type { ComponentChildren, JSX } from 'preact';
import { formatRelative, formatTime, nowMs } from '../core/format.ts';

export type Tone = 'ok' | 'busy' | 'warn' | 'bad' | 'still';

/** A state in a word, with a coloured dot that is not alone in telling it. */
export function Badge({
  tone,
  children,
  title,
}: {
  readonly tone: Tone;
  readonly children: ComponentChildren;
  readonly title?: string;
}): JSX.Element {
  return (
    <span class={`badge ${tone}`} title={title}>
      {children}
    </span>
  );
}

/** A box that says something. */
export function Notice({
  tone,
  children,
  actions,
}: {
  readonly tone: Tone;
  readonly children: ComponentChildren;
  readonly actions?: ComponentChildren | undefined;
}): JSX.Element {
  return (
    <div class={`notice ${tone}`}>
      <div>{children}</div>
      {actions && <div class="actions">{actions}</div>}
    </div>
  );
}

/** A time, as far away as it is now. */
export function Ago({ at }: { readonly at: string | undefined }): JSX.Element {
  if (at === undefined) return <span class="muted">–</span>;
  const atMs = Date.parse(at);
  return (
    <time dateTime={at} title={formatTime(atMs)}>
      {formatRelative(atMs, nowMs.value)}
    </time>
  );
}

/** A part of a page, with a heading and what can be done about it. */
export function Section({
  title,
  actions,
  children,
}: {
  readonly title: string;
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <section class="section">
      <header>
        <h2>{title}</h2>
        {actions && <div class="actions">{actions}</div>}
      </header>
      {children}
    </section>
  );
}

/** What a place says that has nothing to show. */
export function Empty({ children }: { readonly children: ComponentChildren }): JSX.Element {
  return <p class="empty">{children}</p>;
}

/** A fact and its name, in a list of them. */
export function Fact({
  name,
  children,
}: {
  readonly name: string;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
