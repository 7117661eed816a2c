/** Of tools that change nothing. */
export const READS = { readOnlyHint: true, destructiveHint: false, idempotentHint: true } as const;
/** Of tools that change something, and lose nothing. */
export const WRITES = { readOnlyHint: false, destructiveHint: false, idempotentHint: true } as const;
/** Of tools that may remove documents. */
export const REMOVES = { readOnlyHint: false, destructiveHint: true, idempotentHint: true } as const;
