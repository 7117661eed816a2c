import { type ResolvedGroup, resolveGroup } from '../runtime/settings/check-settings.ts';
import { HTTP_APP_SETTINGS } from '../runtime/settings/http-settings.ts';
import { object, type Setting } from '../runtime/settings/setting.ts';

/** Options of the HTTP interface; every one is optional. docs/configuration.md has their defaults. */
export interface HttpOptions {
  /** Keys that may do everything, of 16 to 512 printable characters each; several while one replaces another. Default none. */
  readonly apiKeys?: readonly string[];
  /** Keys that may only look and search. Default none. */
  readonly readKeys?: readonly string[];
  /**
   * Host names that requests may be for (the header `Host`), besides loopback; `*` is any. Default: any when there are keys,
   * else none: a page on the web that has its name resolved to this machine shall not be answered.
   */
  readonly allowedHosts?: readonly string[];
  /** Origins such as `https://app.example.com` whose pages may send requests. Default: those of the host that is asked. */
  readonly allowedOrigins?: readonly string[];
  /** Origins whose pages may also read the answers (CORS). Default none. */
  readonly corsOrigins?: readonly string[];
  /** Requests a second and key, in the long run; 0 is no limit. Default 500. */
  readonly requestsPerSecondMax?: number;
  /** Requests of a key that may come at once. Default 1,000. */
  readonly requestBurstMax?: number;
  /** Largest body that is taken at once, in bytes. Default 16,777,216. */
  readonly bodyBytesMax?: number;
  /** Event streams that are open at the same time. Default 2,000. */
  readonly eventStreamsMax?: number;
  /** Longest stream of documents in one request, in bytes; read as it comes. Default 1,073,741,824. */
  readonly streamBytesMax?: number;
  /**
   * Whether sources may be declared over HTTP: then a key that may write makes this process read any file and database that it
   * can reach, with any variable of its environment. Default `false`: the configuration declares them.
   */
  readonly declareSources?: boolean;
  /** Whether XState's tools may look on, over a WebSocket at `/v1/inspect`. Default `false`. */
  readonly inspect?: boolean;
  /** Longest wait for the bytes of a body, in milliseconds; each kilobyte that came gives a second more. Default 30,000. */
  readonly bodyTimeoutMs?: number;
  /** When it is aborted, the server is about to end: streams are closed, and nothing new is begun. */
  readonly closing?: AbortSignal;
}

const OPTION_SETTINGS = {
  ...HTTP_APP_SETTINGS,
  closing: object('an AbortSignal', { meaning: 'see HttpOptions' }),
} satisfies Record<keyof HttpOptions, Setting>;

/** {@link HttpOptions} with every default filled in and every value checked. */
export type ResolvedHttpOptions = ResolvedGroup<typeof HTTP_APP_SETTINGS> & {
  readonly closing: AbortSignal | undefined;
};

/** @throws SynclineError `INVALID_OPTION` naming the option, what it was and what it may be. */
export function resolveHttpOptions(options: HttpOptions): ResolvedHttpOptions {
  return { ...resolveGroup(OPTION_SETTINGS, options), closing: options.closing };
}
