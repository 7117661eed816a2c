import { signal } from '@preact/signals';
import { messageOf } from './api.ts';

/** Something that is said in passing. */
export interface Toast {
  readonly id: number;
  readonly kind: 'done' | 'note' | 'failed';
  readonly text: string;
}

const DONE_SHOWN_MS = 5_000;
const SHOWN_MAX = 4;

export const toasts = signal<readonly Toast[]>([]);

let lastId = 0;

/** Says that something was done; goes away by itself. */
export function toastDone(text: string): void {
  const id = add('done', text);
  setTimeout(() => dismissToast(id), DONE_SHOWN_MS);
}

/** Says what came of it where nothing was done; goes away by itself. */
export function toastNote(text: string): void {
  const id = add('note', text);
  setTimeout(() => dismissToast(id), DONE_SHOWN_MS);
}

/** Takes back what does not hold any more. */
export function withdrawToast(text: string): void {
  toasts.value = toasts.value.filter((toast) => toast.text !== text);
}

/** Says what went wrong; stays until it is dismissed. */
export function toastFailed(what: string, error: unknown): void {
  add('failed', `${what}: ${messageOf(error)}`);
}

export function dismissToast(id: number): void {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

function add(kind: Toast['kind'], text: string): number {
  lastId += 1;
  const id = lastId;
  // The same again is no news.
  const others = toasts.value.filter((toast) => toast.text !== text);
  toasts.value = [...others, { id, kind, text }].slice(-SHOWN_MAX);
  return id;
}
