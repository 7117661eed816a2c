import { ProblemError } from './api.ts';

/**
 * Reads something in the background. What fails because the server is away, or refuses it for now, stays as it was read last:
 * the stream tells of it in a banner, and it is read again. Anything else is a mistake in the page, and breaks.
 */
export async function quietly(read: () => Promise<void>): Promise<void> {
  try {
    await read();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof ProblemError)) throw error;
  }
}
