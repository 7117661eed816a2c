/*
 * The id of a request tells which of its texts were sent: their places, as bits. A text that was gone by the time of the upload
 * is left out, and what comes back is still put where it belongs.
 */

export function requestId(requestNo: number, places: readonly number[]): string {
  const bits = places.reduce((sum, place) => sum | (1n << BigInt(place)), 0n);
  return `r${requestNo.toString(36)}-${bits.toString(36)}`;
}

/** The request's number and the places of its texts, in their order; `undefined` for what is no id of ours. */
export function parseRequestId(
  id: string,
): { readonly requestNo: number; readonly places: readonly number[] } | undefined {
  const match = /^r([0-9a-z]{1,9})-([0-9a-z]{1,40})$/.exec(id);
  if (match === null) return undefined;
  const [, number = '', bitsText = ''] = match;
  let bits = 0n;
  for (const digit of bitsText) bits = bits * 36n + BigInt(Number.parseInt(digit, 36));
  const places: number[] = [];
  for (let place = 0; bits > 0n; place += 1, bits >>= 1n) if (bits & 1n) places.push(place);
  return { requestNo: Number.parseInt(number, 36), places };
}
