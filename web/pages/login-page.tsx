import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { keyHeader, loginProblem, messageOf, SERVER_URL, unlock } from '../core/api.ts';

/** Asks for a key. It stays in this tab, is sent as a header, and is never part of an address. */
export function LoginPage(): JSX.Element {
  const [key, setKey] = useState('');
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    loginProblem.value = await tryKey(key.trim());
    setBusy(false);
  };
  return (
    <main class="login">
      <form onSubmit={(event) => void submit(event)}>
        <h1>Syncline</h1>
        <p>This server asks for a key.</p>
        <label class="field">
          <span>API key</span>
          <input
            type="password"
            autoComplete="off"
            required
            value={key}
            onInput={({ currentTarget }) => setKey(currentTarget.value)}
          />
        </label>
        {loginProblem.value !== undefined && (
          <p class="problem" role="alert">
            {loginProblem.value}
          </p>
        )}
        <button type="submit" class="button primary" disabled={isBusy}>
          Open
        </button>
        <p class="muted">
          It is kept in this tab until you close it. Keys that may only look see everything and change
          nothing.
        </p>
      </form>
    </main>
  );
}

/** Lets in whoever has a key that is taken; else says why not. */
async function tryKey(key: string): Promise<string | undefined> {
  try {
    // What a header cannot hold is no key.
    if (!/^[\x21-\x7e]+$/.test(key)) return 'A key has printable characters only, and no spaces.';
    const response = await fetch(`${SERVER_URL}/v1/status`, { headers: keyHeader(key) });
    if (response.ok) {
      unlock(key);
      return undefined;
    }
    if (response.status === 401) return 'This key is not known here.';
    return `The server answered with status ${response.status}; try again.`;
  } catch (error) {
    return messageOf(error);
  }
}
