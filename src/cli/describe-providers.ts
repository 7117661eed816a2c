import type { ProviderStatus } from '../index.ts';
import { formatDuration, formatTime } from './format-values.ts';
import { printable } from './printable.ts';
import type { Style } from './style.ts';
import { formatTable, type TableColumn } from './table.ts';

const COLUMNS: readonly TableColumn[] = ['PROVIDER', 'STATE', 'SINCE', 'NEXT TRY', 'SEEN'].map((heading) => ({
  heading,
  align: 'left',
}));

/** All providers with how they stand, and below them why those are not available that are not. */
export function providerLines(providers: readonly ProviderStatus[], style: Style, nowMs: number): string[] {
  const rows = providers.map(({ provider, state, sinceMs, waitUntilMs, seenBy, seenAtMs }) => [
    printable(provider),
    state,
    formatTime(sinceMs),
    seenBy === 'formerWorker' ? '' : waitOf(waitUntilMs, nowMs),
    seenBy === 'formerWorker' ? `${formatTime(seenAtMs)}, by a worker that has ended` : 'now, by the worker',
  ]);
  const reasons = providers.flatMap((one) =>
    one.failure === undefined ? [] : [`${nameOf(one)}${reasonOf(one)}`],
  );
  return [...formatTable(COLUMNS, rows, style.bold), ...(reasons.length === 0 ? [] : ['']), ...reasons];
}

/** The providers that are not available, each in a line. */
export function troubleLines(providers: readonly ProviderStatus[], nowMs: number): string[] {
  return providers
    .filter(({ state }) => state !== 'available')
    .map((one) => {
      const { provider, state, sinceMs, waitUntilMs, seenBy, seenAtMs } = one;
      const name = printable(provider);
      if (seenBy === 'formerWorker')
        return `${name} was ${state} at ${formatTime(seenAtMs)}, as a worker saw it that has ended${reasonOf(one)}`;
      const wait = waitOf(waitUntilMs, nowMs);
      const next = wait === '' ? '' : `, next try in ${wait}`;
      return `${name} is ${state} since ${formatTime(sinceMs)}${next}${reasonOf(one)}`;
    });
}

/** How one stands, without times: it is the same until that changes. */
export function providerLine(one: ProviderStatus): string {
  return `provider ${nameOf(one)}: ${one.state}${reasonOf(one)}`;
}

function nameOf({ provider }: ProviderStatus): string {
  return printable(provider);
}

function reasonOf({ failure }: ProviderStatus): string {
  return failure === undefined ? '' : `: ${failure.code}: ${printable(failure.message)}`;
}

function waitOf(waitUntilMs: number | undefined, nowMs: number): string {
  return waitUntilMs === undefined || waitUntilMs <= nowMs ? '' : formatDuration(waitUntilMs - nowMs);
}
