import { Buffer } from 'node:buffer';

/**
 * The whole body of `response` as text, or `undefined` when it is longer than `bytesMax` (the rest is then not read).
 *
 * @throws whatever the stream throws when the connection breaks or the request is aborted.
 */
export async function readBody(response: Response, bytesMax: number): Promise<string | undefined> {
  const reader = response.body?.getReader();
  if (reader === undefined) return '';
  const parts: Uint8Array[] = [];
  let byteCount = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(parts).toString('utf8');
    byteCount += value.byteLength;
    if (byteCount > bytesMax) {
      await reader.cancel();
      return undefined;
    }
    parts.push(value);
  }
}
