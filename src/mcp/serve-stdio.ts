import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio';
import type { Runtime } from '../runtime/create-runtime.ts';
import { createMcpServer } from './create-mcp-server.ts';
import { createSharedWork } from './shared-work.ts';

/**
 * Serves MCP over this process's standard input and output, until the client closes it or `signal` is aborted. Nothing else
 * may write to standard output meanwhile. Whoever starts a process may know its folders: errors are told as they are.
 */
export async function serveMcpOverStdio(
  runtime: Runtime,
  access: 'read' | 'write',
  signal: AbortSignal,
): Promise<void> {
  const work = createSharedWork();
  const over = Promise.withResolvers<void>();
  const end = (): void => over.resolve();
  process.stdin.once('end', end);
  process.stdin.once('close', end);
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  const server = serveStdio(
    () => createMcpServer({ runtime, access, explain: (_, message) => message, work }),
    { transport: new StdioServerTransport() },
  );
  try {
    await over.promise;
  } finally {
    await server.close();
  }
}
