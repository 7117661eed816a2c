import { SynclineError } from '../domain/errors.ts';

/** Where requests go when nobody says otherwise. */
export const OPENAI_BASE_URL = 'https://api.openai.com/v1';

/** A checked base URL. */
export interface Endpoint {
  /** Without a slash at the end. */
  readonly baseUrl: string;
  /** `openai` for OpenAI's own hosts, else the server's `host` or `host:port`. */
  readonly provider: string;
  /** Whether it is OpenAI itself (also through a regional host), with its known limits and its need for a key. */
  readonly isOpenAi: boolean;
}

/**
 * Reads the base URL of a server that speaks OpenAI's protocol.
 *
 * @throws SynclineError `INVALID_OPTION` for anything but a plain http(s) URL. The message never repeats the URL: it may
 * hold a password.
 */
export function readEndpoint(baseUrl: string): Endpoint {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw invalidBaseUrl('is not an http:// or https:// URL; give one such as http://localhost:11434/v1');
  }
  if (url.username !== '' || url.password !== '') {
    throw invalidBaseUrl('holds a user name or password; give the secret as the API key instead');
  }
  if (url.search !== '' || url.hash !== '') {
    throw invalidBaseUrl('has a query or a fragment; leave out what follows "?" or "#"');
  }
  const isOpenAi = url.hostname === 'api.openai.com' || url.hostname.endsWith('.api.openai.com');
  return {
    baseUrl: url.href.replace(/\/+$/, ''),
    provider: isOpenAi ? 'openai' : url.host,
    isOpenAi,
  };
}

function invalidBaseUrl(reason: string): SynclineError {
  return new SynclineError('INVALID_OPTION', `The base URL of the embedding server ${reason}.`, {
    details: { option: 'baseUrl' },
  });
}
