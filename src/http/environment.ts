import type { Runtime } from '../runtime/create-runtime.ts';
import type { ServerBindings } from './live/socket.ts';
import type { ResolvedHttpOptions } from './options.ts';

/** What a caller may do: look, or also change. */
export type Access = 'read' | 'write';

/** What middleware leaves for handlers. */
export interface HttpEnv {
  readonly Bindings: ServerBindings;
  readonly Variables: {
    /** In every answer and every log line of a request. */
    requestId: string;
    /** The path under which the app is mounted: `''`, or such as `/vectors`. */
    prefix: string;
    access: Access;
  };
}

/** What routes are made of. */
export interface HttpParts {
  readonly runtime: Runtime;
  readonly options: ResolvedHttpOptions;
}
