import type { ConfigurationRecord, PendingChunk } from '../catalog/catalog.ts';
import { type SynclineError, throwIfAborted, toSynclineError } from '../domain/errors.ts';
import { toHex } from '../domain/hash.ts';
import type { Embedder, EmbedResult } from '../embedders/embedder.ts';
import { routeTexts } from './batch/route-texts.ts';
import { type Blame, createBlame, isTextScoped } from './blame.ts';
import { wantedConfigurations } from './cut-uncut.ts';
import { createHalving, type Halving, packPending, withinLimits } from './halving.ts';
import { admitRequest, storeAnswer } from './store-answer.ts';
import { createTextCutter, isTooLong, type TextCutter, tooLongError } from './too-long.ts';
import type { DatasetWork } from './work.ts';

/** One run of the embed stage: where it stands. */
interface EmbedRun {
  readonly work: DatasetWork;
  readonly configuration: ConfigurationRecord;
  readonly embedder: Embedder;
  /** All other texts go to batch jobs, but for those that are too long for the model. */
  readonly onlyPulledBack: boolean;
  /** Aborts the requests in flight. A failure does not: what the others are answered is paid for and kept. */
  readonly signal: AbortSignal;
  /** Settles when {@link signal} is aborted. */
  readonly aborted: Promise<void>;
  /** Packed requests that wait for a place in flight; halves of refused ones come first. Bounded by two pages. */
  readonly requests: PendingChunk[][];
  /** The last, partly filled request: held back while more texts are on their way. */
  partial: PendingChunk[];
  /** Since when the first text of {@link partial} is held back, in monotonic milliseconds. */
  partialSinceMs: number;
  readonly inFlight: Set<Promise<void>>;
  readonly halving: Halving;
  readonly cutter: TextCutter;
  /** Ends of other datasets' requests for texts of ours. */
  readonly elsewhere: Set<Promise<void>>;
  afterChunkId: number;
  lastPageWasEmpty: boolean;
  /** Some text was charged an attempt and stays pending: the pages are read once more. */
  readAgain: boolean;
  readonly blame: Blame;
  failure: unknown;
}

/**
 * The embed stage: embeds every pending text of a dataset, under its active configuration and beside it under the one that
 * it is on its way to. A failure under one of them does not stop the other.
 */
export async function embedPending(work: DatasetWork, signal: AbortSignal): Promise<void> {
  /** By configuration: how many batches had been applied when its newest run began. */
  const begunAfter = new Map<number, number>();
  const running = new Map<number, Promise<void>>();
  const failures: unknown[] = [];
  const failed = new Set<number>();
  for (;;) {
    const changed = work.changed.next();
    for (const configuration of wantedConfigurations(work)) {
      const id = configuration.configurationId;
      if (running.has(id) || failed.has(id) || begunAfter.get(id) === work.applied.batches) continue;
      begunAfter.set(id, work.applied.batches);
      const run = embedConfiguration(work, configuration, signal)
        .catch((error: unknown) => {
          failed.add(id);
          failures.push(error);
        })
        .finally(() => running.delete(id));
      running.set(id, run);
    }
    if (running.size === 0) break;
    await Promise.race([...running.values(), changed]);
  }
  if (failures.length > 0) throw failures[0];
}

/**
 * Embeds every pending text of one configuration once and stores each answer before anything else uses it.
 * Returns when nothing is pending, in flight or held back.
 *
 * Failures have three scopes. A refused request is halved until the guilty text stands alone; that text is charged an
 * attempt and given up, at once where the refusal is final and anything else is accepted, else after `textAttemptsMax`. A failure
 * of the provider ends the run with its error: nobody is charged, what was answered is stored.
 */
export async function embedConfiguration(
  work: DatasetWork,
  configuration: ConfigurationRecord,
  signal: AbortSignal,
): Promise<void> {
  const embedder = await embedderIfNeeded(work, configuration);
  if (embedder === undefined) return;
  const route = await routeTexts(work, configuration, embedder, signal);
  const aborted = Promise.withResolvers<void>();
  const onAbort = (): void => aborted.resolve();
  const run: EmbedRun = {
    work,
    configuration,
    embedder,
    onlyPulledBack: route.texts === 'pulledBack',
    signal,
    aborted: aborted.promise,
    requests: [],
    partial: [],
    partialSinceMs: 0,
    inFlight: new Set(),
    halving: createHalving(embedder),
    cutter: await createTextCutter(work.settings.tooLongTexts, embedder),
    elsewhere: new Set(),
    afterChunkId: 0,
    lastPageWasEmpty: false,
    readAgain: false,
    blame: createBlame(embedder, signal),
    failure: undefined,
  };
  signal.addEventListener('abort', onAbort, { once: true });
  work.producers.embedding += 1;
  try {
    throwIfAborted(signal);
    await embedUntilNothingIsPending(run);
    if (route.refusal !== undefined) throw route.refusal;
  } finally {
    // The answers in flight are already paid for: wait until each is stored or has failed.
    await Promise.allSettled(run.inFlight);
    releaseAll(run);
    signal.removeEventListener('abort', onAbort);
    work.producers.embedding -= 1;
    work.changed.ring();
  }
}

/**
 * A configuration with nothing to embed needs no embedder: this runtime may have none for it. Nor does one that the dataset is
 * about to leave, which is what helps when its embedder is gone.
 */
async function embedderIfNeeded(
  work: DatasetWork,
  { configurationId, profile }: ConfigurationRecord,
): Promise<Embedder | undefined> {
  try {
    return work.embedderFor(profile);
  } catch (error) {
    const { target } = work.dataset;
    if (target !== undefined && target.configurationId !== configurationId) return undefined;
    const page = { afterChunkId: 0, limit: 1, textLengthMax: 1 };
    if ((await work.catalog.listPendingChunks(configurationId, page)).length === 0) return undefined;
    throw error;
  }
}

async function embedUntilNothingIsPending(run: EmbedRun): Promise<void> {
  const { work } = run;
  const { requestsInFlightMax } = run.embedder.limits;
  for (;;) {
    if (run.failure !== undefined) throw run.failure;
    throwIfAborted(run.signal);
    const changed = work.changed.next();
    if (!isHeld(run)) launch(run, requestsInFlightMax);
    if (!isHeld(run) && run.requests.length < requestsInFlightMax) await readPage(run);
    if (!isHeld(run)) launch(run, requestsInFlightMax);
    if (run.inFlight.size > 0) {
      const full = run.inFlight.size >= requestsInFlightMax;
      await Promise.race(full ? run.inFlight : [...run.inFlight, changed]);
      continue;
    }
    // The last request may have failed while the page was read.
    if (run.failure !== undefined) continue;
    if (isHeld(run)) return;
    // Only once all pages are read is the partial request sent or waiting for our own producers. Waiting for another
    // dataset before that could be for ever: it may hold back ours while we hold back theirs.
    if (run.requests.length > 0 || !run.lastPageWasEmpty) continue;
    if (run.elsewhere.size > 0) {
      await Promise.race([...run.elsewhere, changed, run.aborted]);
      continue;
    }
    if (run.partial.length > 0) {
      await waitForMoreTexts(run, changed);
      continue;
    }
    if (!run.readAgain) return;
    run.readAgain = false;
    run.afterChunkId = 0;
  }
}

/** Nothing new is begun: the dataset's work is held, or it is no longer on its way to this configuration. */
function isHeld({ work, configuration }: EmbedRun): boolean {
  const isWanted = wantedConfigurations(work).some(
    ({ configurationId }) => configurationId === configuration.configurationId,
  );
  return work.hold.active || !isWanted;
}

/** Reads the next pending texts and packs those that are ours to embed into requests. */
async function readPage(run: EmbedRun): Promise<void> {
  const { work } = run;
  const claimed = [...run.partial, ...(await claimPage(run))];
  const { limits } = run.embedder;
  const itemsMax = work.quota.current?.itemsPerRequestMax ?? limits.itemsPerRequestMax;
  const itemsPerRequestMax = Math.min(limits.itemsPerRequestMax, itemsMax);
  const { fresh: requests, suspects } = packPending(claimed, { ...limits, itemsPerRequestMax });
  // The last request is complete once nobody can add to it any more, or has added for too long.
  const isFed = (work.producers.ingesting > 0 || work.producers.chunking > 0) && !isOverdue(run);
  const [heldBack] = run.partial;
  run.partial = !run.lastPageWasEmpty || isFed ? (requests.pop() ?? []) : [];
  if (run.partial[0] !== heldBack) run.partialSinceMs = work.clock.monotonicMs();
  run.requests.push(...requests, ...suspects);
}

/** The next pending texts, without those that somebody else embeds. */
async function claimPage(run: EmbedRun): Promise<PendingChunk[]> {
  const { catalog, settings, inFlightTexts } = run.work;
  const quota = run.work.quota.current;
  const limit = Math.min(settings.chunksPerPageMax, quota?.textsLeft ?? settings.chunksPerPageMax);
  if (limit <= 0) {
    run.lastPageWasEmpty = true;
    return [];
  }
  const { configurationId, profileId } = run.configuration;
  const look = inFlightTexts.look();
  try {
    const page = await catalog.listPendingChunks(configurationId, {
      afterChunkId: run.afterChunkId,
      limit,
      textLengthMax: settings.textLengthPerBatchMax * 2,
    });
    run.lastPageWasEmpty = page.length === 0;
    const claimed = page.filter((chunk) => {
      run.afterChunkId = Math.max(run.afterChunkId, chunk.chunkId);
      if (run.onlyPulledBack && !chunk.isPulledBack && !isTooLong(chunk, run.embedder)) return false;
      const other = look.claim(profileId, toHex(chunk.textHash));
      if (other !== undefined) waitElsewhere(run, other);
      return other === undefined;
    });
    if (quota !== undefined) quota.textsLeft -= claimed.length;
    return claimed;
  } finally {
    look.end();
  }
}

function isOverdue({ partial, partialSinceMs, work }: EmbedRun): boolean {
  return partial.length > 0 && work.clock.monotonicMs() - partialSinceMs >= work.settings.requestDelayMaxMs;
}

/** Waits until something was added to what is held back, or the first of it has waited for long enough. */
async function waitForMoreTexts(run: EmbedRun, changed: Promise<void>): Promise<void> {
  const { clock, settings } = run.work;
  const over = Promise.withResolvers<void>();
  const leftMs = run.partialSinceMs + settings.requestDelayMaxMs - clock.monotonicMs();
  const callOff = clock.setTimer(Math.max(0, leftMs), over.resolve);
  try {
    await Promise.race([changed, run.aborted, over.promise]);
  } finally {
    callOff();
  }
}

function waitElsewhere(run: EmbedRun, other: Promise<void>): void {
  const settled = other.then(() => {
    run.elsewhere.delete(settled);
    run.readAgain = true;
  });
  run.elsewhere.add(settled);
}

function launch(run: EmbedRun, requestsInFlightMax: number): void {
  while (run.inFlight.size < requestsInFlightMax) {
    const request = run.requests.shift();
    if (request === undefined) return;
    const promise = embedRequest(run, request)
      .catch((error: unknown) => {
        run.failure ??= error;
        giveBack(run, request);
      })
      .finally(() => run.inFlight.delete(promise));
    run.inFlight.add(promise);
  }
}

async function embedRequest(run: EmbedRun, request: readonly PendingChunk[]): Promise<void> {
  const { work } = run;
  const [tooLong] = request.filter((chunk) => run.cutter.isHopeless(chunk));
  if (tooLong !== undefined) {
    // It goes its own way, and the others theirs.
    const others = request.filter((chunk) => chunk !== tooLong);
    if (others.length > 0) run.requests.unshift(others);
    await chargeText(run, tooLong, tooLongError(tooLong, run.embedder));
    return;
  }
  const texts = request.map(run.cutter.textOf);
  const settle = await admitRequest(work, run.configuration, request);
  try {
    await embedAdmitted(run, request, texts);
  } finally {
    settle();
  }
}

async function embedAdmitted(
  run: EmbedRun,
  request: readonly PendingChunk[],
  texts: readonly string[],
): Promise<void> {
  const { work } = run;
  const startMs = work.clock.monotonicMs();
  let answer: EmbedResult;
  try {
    const { datasetId } = work.dataset;
    answer = await run.embedder.embed(texts, { purpose: 'document', signal: run.signal, datasetId });
  } catch (error) {
    if (!isTextScoped(error)) throw error;
    await handleRefusal(run, request, toSynclineError(error));
    return;
  }
  run.blame.noteAccepted();
  if (run.halving.noteAccepted(request))
    run.requests.push(...withinLimits(run.requests.splice(0), run.embedder.limits));
  const { vectors, tokensCharged } = answer;
  const durationMs = work.clock.monotonicMs() - startMs;
  const tokensSent = request.map(run.cutter.tokensSent);
  await storeAnswer(work, run.configuration, {
    requestId: work.clock.newId(),
    mode: 'direct',
    chunks: request,
    vectors,
    tokensCharged,
    tokensSent,
    durationMs,
  });
  request.forEach(({ chunkId, tokenCount }, index) => {
    const tokensKept = tokensSent[index];
    if (tokensKept !== undefined) work.report({ type: 'textCut', chunkId, tokens: tokenCount, tokensKept });
  });
  release(run, request);
}

/** Halves a refused request, or charges the text that stands alone. */
async function handleRefusal(
  run: EmbedRun,
  request: readonly PendingChunk[],
  error: SynclineError,
): Promise<void> {
  const [chunk] = request;
  if (chunk === undefined) return;
  const halves = run.halving.split(request, error);
  if (halves !== undefined) {
    run.requests.unshift(...halves);
    return;
  }
  if (run.cutter.shorten(chunk, error)) {
    run.requests.unshift([chunk]);
    return;
  }
  await chargeText(run, chunk, error, await run.blame.isForGood(chunk, error));
}

/** Charges an attempt to a text that stands alone, or gives it up. */
async function chargeText(
  run: EmbedRun,
  chunk: PendingChunk,
  error: SynclineError,
  isForGood = true,
): Promise<void> {
  const { work } = run;
  const gaveUp = isForGood || chunk.attemptCount + 1 >= work.settings.textAttemptsMax;
  await work.writer.recordTextFailures(run.configuration.profileId, [
    { textHash: chunk.textHash, error: `${error.code}: ${error.message}`, giveUp: gaveUp },
  ]);
  if (gaveUp) work.accounts.noteGivenUp(run.configuration.profileId, chunk.textHash);
  release(run, [chunk]);
  run.readAgain ||= !gaveUp;
  work.report({ type: 'textFailed', error, gaveUp });
  work.changed.ring();
}

function release(run: EmbedRun, request: readonly PendingChunk[]): void {
  for (const chunk of request)
    run.work.inFlightTexts.release(run.configuration.profileId, toHex(chunk.textHash));
}

function releaseAll(run: EmbedRun): void {
  for (const request of [...run.requests, run.partial]) giveBack(run, request);
}

/** Texts that were claimed and not embedded: neither ours any more, nor used up of what a call allows. */
function giveBack(run: EmbedRun, request: readonly PendingChunk[]): void {
  release(run, request);
  const quota = run.work.quota.current;
  if (quota !== undefined) quota.textsLeft += request.length;
}
