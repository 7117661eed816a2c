import { getLogger } from '@logtape/logtape';
import { createMcpHandler, type McpHttpHandler } from '@modelcontextprotocol/server';
import { createMcpServer } from '../../mcp/create-mcp-server.ts';
import { createSharedWork } from '../../mcp/shared-work.ts';
import type { Access, HttpParts } from '../environment.ts';
import { publicMessage } from '../problem-kinds.ts';
import { createRouter } from '../router.ts';

const logger = getLogger(['syncline', 'mcp']);

/** Before Bun and proxies give a still connection up. */
const KEEP_ALIVE_MS = 5_000;

/** The MCP server, for clients of this and of earlier revisions. A key that may only look sees only tools that do. */
export function mcpRoutes({ runtime, options }: HttpParts) {
  const work = createSharedWork();
  const handlers = new Map<Access, McpHttpHandler>();
  const handlerFor = (access: Access): McpHttpHandler => {
    const known = handlers.get(access);
    if (known !== undefined) return known;
    const handler = createMcpHandler(
      () => createMcpServer({ runtime, access, explain: publicMessage, work }),
      {
        keepAliveMs: KEEP_ALIVE_MS,
        maxRequestBodySize: options.bodyBytesMax,
        onerror: (error) => logger.warn('A request was refused: {error}', { error }),
      },
    );
    for (const signal of [runtime.stopping, options.closing]) {
      signal?.addEventListener('abort', () => void handler.close(), { once: true });
    }
    handlers.set(access, handler);
    return handler;
  };
  return createRouter().all('/mcp', (context) => handlerFor(context.get('access')).fetch(context.req.raw));
}
