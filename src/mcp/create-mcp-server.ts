import {
  type CallToolResult,
  McpServer,
  type StandardSchemaWithJSON,
  type ToolAnnotations,
} from '@modelcontextprotocol/server';
import type { z } from 'zod';
import packageJson from '../../package.json' with { type: 'json' };
import { toSynclineError } from '../domain/errors.ts';
import type { Runtime } from '../runtime/create-runtime.ts';
import { addBatchTools } from './batch-tools.ts';
import { addDatasetTools } from './dataset-tools.ts';
import type { SharedWork } from './shared-work.ts';
import { addWorkerTools } from './worker-tools.ts';

/** What the server of one request or connection is made of. */
export interface McpParts {
  readonly runtime: Runtime;
  /** With `read` there are only tools that change nothing. */
  readonly access: 'read' | 'write';
  /** What a caller may be told of an error: over a network, nothing that names things of this host. */
  readonly explain: (code: string, message: string) => string;
  readonly work: SharedWork;
}

const INSTRUCTIONS =
  'Syncline keeps vector tables in line with documents and searches them. Use search to find passages; give a dataset or a ' +
  'project when there are several (list_datasets names them). Every passage names its document by dataset, source and key. ' +
  'One worker does all background work; start, pause, resume and stop are about it.';

/** An MCP server over a runtime. The same runtime can have many. */
export function createMcpServer(parts: McpParts): McpServer {
  const server = new McpServer(
    { name: 'syncline', title: 'Syncline', version: packageJson.version },
    { instructions: INSTRUCTIONS },
  );
  const add = createToolAdder(server, parts);
  addDatasetTools(parts, add);
  addBatchTools(parts, add);
  addWorkerTools(parts, add);
  return server;
}

/** A tool: what it takes and gives, and what it does. */
export interface Tool<Input extends z.ZodType, Output extends z.ZodType> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly input: Input;
  readonly output: Output;
  readonly annotations: ToolAnnotations & { readonly readOnlyHint: boolean };
  readonly run: (input: z.output<Input>, signal: AbortSignal) => Promise<z.input<Output>>;
  /** Default: the structured answer as JSON. */
  readonly toText?: (answer: z.input<Output>) => string;
}

export type AddTool = <Input extends z.ZodType, Output extends z.ZodType>(tool: Tool<Input, Output>) => void;

/** Registers tools, those that change something only for those who may. Errors become answers that a model can act on. */
function createToolAdder(server: McpServer, { access, explain }: McpParts): AddTool {
  return (tool) => {
    if (access === 'read' && !tool.annotations.readOnlyHint) return;
    const { name, title, description, output: outputSchema } = tool;
    const annotations = { openWorldHint: false, ...tool.annotations };
    // To the compiler, a schema that is not known yet is not one that the server takes.
    const inputSchema = tool.input as StandardSchemaWithJSON<unknown, z.output<typeof tool.input>>;
    server.registerTool(
      name,
      { title, description, inputSchema, outputSchema, annotations },
      async (input, { mcpReq }): Promise<CallToolResult> => {
        try {
          const answer = await tool.run(input, mcpReq.signal);
          const text = tool.toText?.(answer) ?? JSON.stringify(answer);
          return {
            content: [{ type: 'text', text }],
            structuredContent: answer as Record<string, unknown>,
          };
        } catch (error) {
          const { code, message } = toSynclineError(error);
          return { isError: true, content: [{ type: 'text', text: `${code}: ${explain(code, message)}` }] };
        }
      },
    );
  };
}
