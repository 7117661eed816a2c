import { Buffer } from 'node:buffer';

/** The file of a `multipart/form-data` body. */
export function multipartFile(
  body: Buffer,
  contentType: string,
): { readonly filename: string; readonly content: Buffer } {
  const boundary = /boundary="?([^";]+)"?/.exec(contentType)?.[1];
  if (boundary === undefined) throw new Error(`There is no boundary in "${contentType}".`);
  const mark = Buffer.from(`--${boundary}`);
  for (let start = body.indexOf(mark); start !== -1; ) {
    const next = body.indexOf(mark, start + mark.length);
    if (next === -1) break;
    const headEnd = body.indexOf('\r\n\r\n', start);
    const head = body.subarray(start, headEnd).toString('utf8');
    const filename = /filename="([^"]*)"/.exec(head)?.[1];
    if (filename !== undefined) return { filename, content: body.subarray(headEnd + 4, next - 2) };
    start = next;
  }
  throw new Error('The body holds no file.');
}
