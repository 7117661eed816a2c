import {
  type BatchDefect,
  type BatchLines,
  type BatchOutcome,
  errorLines,
  outputLines,
} from './batch-answers.ts';

/*
 * The jobs and files of the stand-in for OpenAI's batch API: what becomes of a job from look to look, and how both are told.
 */

export interface StandInBatch {
  readonly id: string;
  readonly inputFileId: string;
  readonly metadata: Record<string, string>;
  readonly createdAt: number;
  readonly requests: readonly BatchLines[];
  readonly tokens: number;
  status: string;
  looks: number;
  outcome: BatchOutcome;
  outputFileId: string | undefined;
  errorFileId: string | undefined;
  errors: { code: string; message: string; line: number | null }[];
  completed: number;
  failed: number;
}

export interface StandInFile {
  readonly id: string;
  readonly filename: string;
  readonly createdAt: number;
  readonly bytes: number;
  /** Read anew each time: an output can be far larger than memory. */
  readonly lines: () => Iterable<string>;
}

/** What the stand-in holds, and how its jobs go. */
export interface BatchShop {
  readonly files: Map<string, StandInFile>;
  readonly batches: Map<string, StandInBatch>;
  /** Every text that was embedded and charged in a job, as often as it was. */
  readonly charged: string[];
  /** How the jobs that are made from now on end. */
  outcome: BatchOutcome;
  /** What is wrong with outputs that are made from now on. */
  readonly defects: Set<BatchDefect>;
  /** Texts that hold this are refused, with every request that holds one. */
  poison: string | undefined;
  /** Whether looks take a job further; else it stays as it is. */
  isMoving: boolean;
  enqueuedTokensMax: number;
}

/** What happens to jobs and files. */
export interface BatchJobs {
  addFile(filename: string, bytes: number, lines: () => Iterable<string>, prefix: string): StandInFile;
  create(file: StandInFile, metadata: Record<string, string>): StandInBatch;
  /** One step further: validating, in_progress, finalizing, and an end. */
  move(batch: StandInBatch): void;
  cancel(batch: StandInBatch): void;
}

/** @param options.looksUntilOver - Looks at a job until it is over. */
export function createBatchJobs(
  shop: BatchShop,
  options: { readonly dimensions: number; readonly looksUntilOver: number },
): BatchJobs {
  let idCount = 0;
  const newId = (prefix: string): string => `${prefix}${(++idCount).toString(36).padStart(8, '0')}`;

  function addFile(
    filename: string,
    bytes: number,
    lines: () => Iterable<string>,
    prefix: string,
  ): StandInFile {
    const file = { id: newId(prefix), filename, bytes, lines, createdAt: Math.floor(Date.now() / 1000) };
    shop.files.set(file.id, file);
    return file;
  }

  function create(file: StandInFile, metadata: Record<string, string>): StandInBatch {
    const requests = [...file.lines()].map((line) => JSON.parse(line) as BatchLines);
    const tokens = requests.reduce((sum, request) => sum + tokensOf(request), 0);
    const enqueued = [...shop.batches.values()]
      .filter((batch) => !isOver(batch))
      .reduce((sum, one) => sum + one.tokens, 0);
    const isTooMuch = enqueued + tokens > shop.enqueuedTokensMax;
    const batch: StandInBatch = {
      id: newId('batch_'),
      inputFileId: file.id,
      metadata,
      createdAt: Math.floor(Date.now() / 1000),
      requests,
      tokens,
      status: 'validating',
      looks: 0,
      outcome: isTooMuch ? { kind: 'tokenLimit' } : shop.outcome,
      outputFileId: undefined,
      errorFileId: undefined,
      errors: [],
      completed: 0,
      failed: 0,
    };
    shop.batches.set(batch.id, batch);
    return batch;
  }

  function move(batch: StandInBatch): void {
    batch.looks += 1;
    if (isOver(batch) || !shop.isMoving) return;
    const { outcome } = batch;
    if (outcome.kind === 'stuck') {
      if (batch.status === 'validating') batch.status = 'in_progress';
      return;
    }
    if (outcome.kind === 'tokenLimit' || outcome.kind === 'failed') {
      batch.status = 'failed';
      batch.errors = [
        outcome.kind === 'failed'
          ? { code: 'invalid_json_line', message: 'This line is not parseable as valid JSON.', line: 1 }
          : {
              code: 'token_limit_exceeded',
              message: 'Enqueued token limit reached. Limit: some.',
              line: null,
            },
      ];
      return;
    }
    if (batch.status !== 'cancelling' && batch.looks < options.looksUntilOver) {
      batch.status = 'in_progress';
      return;
    }
    finish(batch);
  }

  function finish(batch: StandInBatch): void {
    const { outcome } = batch;
    const share = 'share' in outcome ? outcome.share : 1;
    const worked = batch.requests.slice(0, Math.round(batch.requests.length * share));
    const skipped = batch.requests.slice(worked.length);
    const isRefused = (request: BatchLines): boolean =>
      outcome.kind === 'allFailed' ||
      (shop.poison !== undefined && inputsOf(request).some((text) => text.includes(shop.poison ?? '')));
    const good = worked.filter((request) => !isRefused(request));
    const bad = worked.filter(isRefused);
    for (const request of good) shop.charged.push(...inputsOf(request));
    const defects = new Set(shop.defects);
    if (good.length > 0) {
      const lines = (): Iterable<string> => outputLines(good, { dimensions: options.dimensions, defects });
      batch.outputFileId = addFile(`${batch.id}_output.jsonl`, 0, lines, 'file-out-').id;
      if (defects.has('outputGone')) shop.files.delete(batch.outputFileId);
    }
    if (bad.length + skipped.length > 0) {
      const lines = (): Iterable<string> => errorLines(bad, skipped, outcome.kind);
      batch.errorFileId = addFile(`${batch.id}_error.jsonl`, 0, lines, 'file-err-').id;
    }
    batch.completed = good.length;
    batch.failed = bad.length;
    batch.status = outcome.kind === 'expired' || outcome.kind === 'cancelled' ? outcome.kind : 'completed';
  }

  function cancel(batch: StandInBatch): void {
    batch.status = 'cancelling';
    if (batch.outcome.kind !== 'stuck') batch.outcome = { kind: 'cancelled', share: shareOf(batch) };
  }

  return { addFile, create, move, cancel };
}

export function isOver({ status }: StandInBatch): boolean {
  return ['completed', 'failed', 'expired', 'cancelled'].includes(status);
}

function shareOf({ outcome }: StandInBatch): number {
  return 'share' in outcome ? outcome.share : 0.5;
}

function inputsOf({ body }: BatchLines): string[] {
  return Array.isArray(body.input) ? body.input : [body.input];
}

function tokensOf(request: BatchLines): number {
  return inputsOf(request).reduce((sum, text) => sum + Math.ceil(text.length / 4), 0);
}

export function fileBody({ id, filename, createdAt, bytes }: StandInFile) {
  return {
    id,
    object: 'file',
    bytes,
    created_at: createdAt,
    filename,
    purpose: 'batch',
    status: 'processed',
  };
}

export function batchBody(batch: StandInBatch) {
  const { id, status, createdAt } = batch;
  const times = { created_at: createdAt, expires_at: createdAt + 86_400 };
  return {
    id,
    object: 'batch',
    endpoint: '/v1/embeddings',
    errors: batch.errors.length === 0 ? null : { object: 'list', data: batch.errors },
    input_file_id: batch.inputFileId,
    completion_window: '24h',
    status,
    output_file_id: batch.outputFileId ?? null,
    error_file_id: batch.errorFileId ?? null,
    ...times,
    request_counts: { total: batch.requests.length, completed: batch.completed, failed: batch.failed },
    metadata: batch.metadata,
  };
}
