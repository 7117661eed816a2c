import { flag, list, text, wholeNumber } from './setting.ts';

const KEY_LENGTH_MIN = 16;
const KEY_LENGTH_MAX = 512;

/** Several keys; each long enough not to be guessed, and of characters that a header can carry. */
function keys(about: Parameters<typeof list>[0]): ReturnType<typeof list> {
  const isKey = (key: unknown): boolean =>
    typeof key === 'string' &&
    key.length >= KEY_LENGTH_MIN &&
    key.length <= KEY_LENGTH_MAX &&
    /^[!-+\--~]+$/.test(key);
  return {
    ...list({ ...about, secret: true }),
    allowed: `keys of ${KEY_LENGTH_MIN} to ${KEY_LENGTH_MAX} printable characters each, without spaces and commas`,
    accepts: (value) => Array.isArray(value) && value.every(isKey),
  };
}

/** Options of the HTTP interface, wherever it is served: `syncline.http(options)`, and `http` in the configuration. */
export const HTTP_APP_SETTINGS = {
  apiKeys: keys({
    defaultText: 'none',
    env: 'SYNCLINE_API_KEYS',
    meaning:
      'Keys that may do everything, of at least 16 characters each; several while one replaces another',
  }),
  readKeys: keys({
    defaultText: 'none',
    env: 'SYNCLINE_READ_KEYS',
    meaning: 'Keys that may only look and search',
  }),
  allowedHosts: list({
    defaultText: 'any with a key, else none',
    meaning: 'Host names that requests may be for, besides loopback; `*` is any',
  }),
  allowedOrigins: list({
    defaultText: 'the host that is asked',
    meaning: 'Origins such as `https://app.example.com` whose pages may send requests',
  }),
  corsOrigins: list({
    defaultText: 'none',
    meaning: 'Origins whose pages may also read the answers (CORS)',
  }),
  requestsPerSecondMax: wholeNumber(0, 1_000_000, {
    default: 500,
    meaning: 'Requests a second and key, in the long run; 0 is no limit, as is no key',
  }),
  requestBurstMax: wholeNumber(1, 1_000_000, {
    default: 1_000,
    meaning: 'Requests of a key that may come at once',
  }),
  bodyBytesMax: wholeNumber(1_024, 1_073_741_824, {
    default: 16_777_216,
    meaning: 'Largest body that is taken at once, in bytes',
  }),
  streamBytesMax: wholeNumber(1_024, 1_099_511_627_776, {
    default: 1_073_741_824,
    meaning: 'Longest stream of documents in one request, in bytes; read as it comes',
  }),
  eventStreamsMax: wholeNumber(0, 100_000, {
    default: 2_000,
    meaning: 'Event streams that are open at the same time',
  }),
  declareSources: flag({
    default: false,
    meaning:
      'Whether sources may be declared over HTTP: then a key that may write makes this process read any file and database that it can reach, with any variable of its environment',
  }),
  inspect: flag({
    default: false,
    meaning: 'Whether XState’s tools may look on, over a WebSocket at `/v1/inspect`',
  }),
  bodyTimeoutMs: wholeNumber(100, 3_600_000, {
    default: 30_000,
    meaning: 'Longest wait for the bytes of a body, in ms; each kilobyte that came gives a second more',
  }),
};

/** Settings of the server of `syncline serve`. */
export const HTTP_SERVER_SETTINGS = {
  enabled: flag({
    default: true,
    flag: '--no-http',
    meaning: 'Whether `serve` listens for HTTP requests at all',
  }),
  host: text({
    default: '127.0.0.1',
    flag: '--host <address>',
    meaning: 'Address to listen on; anything but loopback needs a key',
  }),
  port: wholeNumber(0, 65_535, {
    default: 7331,
    flag: '--port <number>',
    meaning: 'Port to listen on; 0 takes a free one',
  }),
  generateKey: flag({
    default: false,
    meaning: 'Without any key, makes one at the first start and keeps it in the file `api-key` in `dataDir`',
  }),
  idleTimeoutMs: wholeNumber(1_000, 255_000, {
    default: 10_000,
    meaning:
      'How long a connection may stand still, and a request take to send its head, in ms; whole seconds, Bun only',
  }),
};
