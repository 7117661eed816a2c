import { throwIfAborted } from '../domain/errors.ts';

/**
 * The same values, but waiting for the next one ends when `signal` is aborted: a reader of standard input would wait for
 * bytes that never come.
 *
 * @throws SynclineError `ABORTED`.
 */
export async function* abortable<Value>(
  values: AsyncGenerator<Value>,
  signal: AbortSignal,
): AsyncGenerator<Value, void, undefined> {
  const aborted = Promise.withResolvers<'aborted'>();
  const onAbort = (): void => aborted.resolve('aborted');
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    for (;;) {
      throwIfAborted(signal);
      const next = values.next();
      const first = await Promise.race([next, aborted.promise]);
      if (first === 'aborted') {
        // Whatever it still says, it says to nobody.
        next.catch(() => undefined);
        throwIfAborted(signal);
        return;
      }
      if (first.done) return;
      yield first.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
