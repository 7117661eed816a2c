import { signal } from '@preact/signals';

/** The present, in steps of a second; stands still while nobody looks. */
export const nowMs = signal(Date.now());

setInterval(() => {
  if (!document.hidden) nowMs.value = Date.now();
}, 1_000);

const number = new Intl.NumberFormat('en');
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium' });

/** `12,345` */
export function formatCount(count: number): string {
  return number.format(count);
}

/** `1.2K`, for places without room; small numbers as they are. */
export function formatCompact(count: number): string {
  return count < 10_000 ? formatCount(count) : compact.format(count);
}

/** One and many: `1 document`, `2 documents`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** `45 s`, `3 min`, `2 h 5 min`, `3 d` */
export function formatDuration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.round(hours / 24)} d`;
}

/** `5 s ago`, `in 3 min` */
export function formatRelative(atMs: number, now: number): string {
  const away = atMs - now;
  if (Math.abs(away) < 2_000) return 'now';
  return away < 0 ? `${formatDuration(-away)} ago` : `in ${formatDuration(away)}`;
}

/** In the reader's own time. */
export function formatTime(atMs: number): string {
  return clock.format(atMs);
}

/** `$0.0012`, `$12.30`; what is nothing is `$0`. */
export function formatUsd(usd: number): string {
  if (usd === 0) return '$0';
  if (usd < 0.000_1) return '< $0.0001';
  return `$${usd.toFixed(usd < 1 ? 4 : 2)}`;
}

/** `1.2 MB` */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let place = 0;
  while (value >= 1_000 && place < units.length - 1) {
    value /= 1_000;
    place += 1;
  }
  return `${value < 10 && place > 0 ? value.toFixed(1) : Math.round(value)} ${units[place]}`;
}
