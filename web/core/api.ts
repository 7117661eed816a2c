import { batch, computed, signal } from '@preact/signals';
import type { ClientResponse } from 'hono/client';
import { type Answer, answer, createClient, ProblemError } from 'syncline/client';

export { ProblemError };

/** Where the server is, with the path under which it is mounted: the page itself is there. Without a slash at its end. */
export const SERVER_URL = new URL('.', location.href).href.replace(/\/$/, '');

const KEY_PLACE = 'syncline-key';

/** The key that requests are sent with; gone when the tab is closed. */
export const apiKey = signal<string | undefined>(sessionStorage.getItem(KEY_PLACE) ?? undefined);

/** Whether the server wants a key, or another one; it says so in the page. */
export const isLocked = signal(
  document.getElementById('app')?.dataset.needsKey === 'true' && apiKey.peek() === undefined,
);

/** Why the key that was given is not taken. */
export const loginProblem = signal<string | undefined>(undefined);

/** The typed client, with the key of now. */
export const client = computed(() =>
  createClient(SERVER_URL, apiKey.value === undefined ? {} : { apiKey: apiKey.value }),
);

/** The header that shows the key, for requests that the typed client does not make. */
export function keyHeader(key = apiKey.value): Record<string, string> {
  return key === undefined ? {} : { Authorization: `Bearer ${key}` };
}

/** Lets in whoever has shown a key that is taken. */
export function unlock(key: string): void {
  sessionStorage.setItem(KEY_PLACE, key);
  batch(() => {
    apiKey.value = key;
    isLocked.value = false;
    loginProblem.value = undefined;
  });
}

/** The server takes no request without another key: forgets this one, and asks for one. */
export function lock(): void {
  loginProblem.value = apiKey.value === undefined ? undefined : 'This key is not known here.';
  forgetKey();
}

/** Forgets the key, and asks for one. */
export function forgetKey(): void {
  sessionStorage.removeItem(KEY_PLACE);
  // At once: between the two, requests would be made without a key.
  batch(() => {
    apiKey.value = undefined;
    isLocked.value = true;
  });
}

/**
 * The body of a successful answer.
 *
 * @throws ProblemError for any other; a key that is not taken (any more) brings the login up.
 */
export async function ask<Response extends ClientResponse<unknown>>(
  request: Promise<Response>,
): Promise<Answer<Response>> {
  try {
    return await answer(request);
  } catch (error) {
    if (error instanceof ProblemError && error.code === 'UNAUTHORIZED') lock();
    throw error;
  }
}

/** What went wrong, in a sentence for people. */
export function messageOf(error: unknown): string {
  if (error instanceof ProblemError) return error.message;
  // What fetch says when there is no server differs from browser to browser.
  if (error instanceof TypeError) return 'The server does not answer.';
  return error instanceof Error ? error.message : String(error);
}

/** Splits `project/dataset` into what addresses of the API are made of. */
export function paramOf(address: string): { project: string; dataset: string } {
  const [project = '', dataset = ''] = address.split('/');
  return { project, dataset };
}
