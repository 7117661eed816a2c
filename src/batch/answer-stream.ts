/** A stream that gives nothing for so long is broken. */
const SILENCE_MAX_MS = 60_000;

/** The bytes of an answer. A stream that falls silent is broken off. */
export async function* bytesOfAnswer(provider: string, response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  let isOver = false;
  try {
    for (;;) {
      const silence = Promise.withResolvers<never>();
      const timer = setTimeout(() => {
        silence.reject(new Error(`${provider} sent nothing for ${SILENCE_MAX_MS} ms.`));
      }, SILENCE_MAX_MS);
      const { done, value } = await Promise.race([reader.read(), silence.promise]).finally(() =>
        clearTimeout(timer),
      );
      if (done) {
        isOver = true;
        return;
      }
      yield value;
    }
  } finally {
    if (!isOver) await reader.cancel().catch(() => undefined);
  }
}
