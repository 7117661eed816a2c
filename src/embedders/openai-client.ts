import type { OpenAI } from 'openai';
import type { ResolvedOpenAiOptions } from './openai-options.ts';

/**
 * OpenAI's own client, as all of our requests want it: it retries nothing and takes nothing from the environment. Importing it
 * takes a tenth of a second.
 */
export async function createOpenAiClient(options: ResolvedOpenAiOptions, timeoutMs: number): Promise<OpenAI> {
  const { OpenAI } = await import('openai');
  return new OpenAI({
    baseURL: options.endpoint.baseUrl,
    apiKey: options.apiKey ?? 'none',
    // Everything the client would otherwise take from the environment and send to whatever server this is.
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    // Its debug log prints whole texts, and OPENAI_LOG would turn it on.
    logLevel: 'off',
    maxRetries: 0,
    timeout: timeoutMs,
    ...(options.apiKey === undefined ? { defaultHeaders: { authorization: null } } : {}),
    ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
  });
}
