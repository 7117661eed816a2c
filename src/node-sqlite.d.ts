/** What is used of `node:sqlite`, which Bun and Deno have; the types of Node 20 do not know it. */
declare module 'node:sqlite' {
  export class DatabaseSync {
    constructor(location: string, options?: { readonly readOnly?: boolean });
    exec(sql: string): void;
    prepare(sql: string): StatementSync;
    close(): void;
  }
  export interface StatementSync {
    setReadBigInts(enabled: boolean): void;
    setReturnArrays(enabled: boolean): void;
    columns(): { readonly name: string; readonly type: string | null }[];
    all(...args: readonly (null | string | number | bigint | Uint8Array)[]): unknown[];
  }
}
