import type { HttpConfig, Syncline } from '../index.ts';
import { HTTP_SERVER_SETTINGS } from '../runtime/settings/http-settings.ts';
import { type GeneratedKey, readOrGenerateKey } from './generated-key.ts';

/** The HTTP interface while `serve` runs. */
export interface ServedHttp {
  readonly url: string;
  /** Where it listens and how it is called, in sentences for people. */
  readonly lines: readonly string[];
  /** The file with the key that was made here, if one was. */
  readonly keyFile: string | undefined;
  readonly needsKey: boolean;
  close(timeoutMs: number): Promise<void>;
}

/**
 * Serves the HTTP interface as the configuration says; `undefined` when it says not to.
 *
 * @throws SynclineError `INVALID_OPTION`, `LISTEN_FAILED`.
 */
export async function serveHttp(
  runtime: Syncline,
  config: HttpConfig,
  dataDir: string,
): Promise<ServedHttp | undefined> {
  if (config.enabled === false) return undefined;
  const { startHttpServer } = await import('../http/server.ts');
  const hasKeys = (config.apiKeys ?? []).length > 0 || (config.readKeys ?? []).length > 0;
  const generated = config.generateKey === true && !hasKeys ? readOrGenerateKey(dataDir) : undefined;
  const server = startHttpServer(runtime, {
    ...config,
    ...(generated !== undefined && { apiKeys: [generated.key] }),
  });
  const needsKey = hasKeys || generated !== undefined;
  return {
    url: server.url,
    lines: [...describe(server, config, needsKey, generated), `Dashboard: ${server.url}/`],
    keyFile: generated?.path,
    needsKey,
    close: server.close,
  };
}

function describe(
  { url, port }: { readonly url: string; readonly port: number },
  { host = HTTP_SERVER_SETTINGS.host.default }: HttpConfig,
  needsKey: boolean,
  generated: GeneratedKey | undefined,
): string[] {
  const where = `Listening for HTTP on ${host}, port ${port}`;
  if (!needsKey)
    return [
      `${where}: only this machine may ask, without a key. Described at ${url}/docs; try: curl ${url}/v1/datasets`,
    ];
  const key = generated === undefined ? '$KEY' : `$(cat ${generated.path})`;
  const call = `Described at ${url}/docs; try: curl -H "Authorization: Bearer ${key}" ${url}/v1/datasets`;
  if (generated === undefined) return [`${where}: a key is needed. ${call}`];
  const made = generated.isNew ? 'was made just now' : 'was made at an earlier start';
  // The key itself is not printed: logs are read and kept by others.
  return [`${where}: a key is needed. One ${made} and is in the file ${generated.path}. ${call}`];
}
