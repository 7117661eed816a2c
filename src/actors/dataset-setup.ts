import { and, assign, fromPromise, not, or, type PromiseActorLogic, setup, stateIn } from 'xstate';
import type { DatasetBacklog } from '../catalog/catalog.ts';
import type { TableMend, TableVerdict } from '../domain/sync-report.ts';
import { waitingCount } from './backlog.ts';
import type { DatasetEvent, DatasetPhase, DatasetReport } from './dataset-messages.ts';
import { type BackoffSettings, backoffMs, type Failure, toFailure } from './failure.ts';

/** A stage of `processing`. */
export type Stage = 'chunk' | 'embed' | 'write';

export const STAGES = ['chunk', 'embed', 'write'] as const satisfies readonly Stage[];

/** What an actor of a dataset is started with. */
export interface DatasetInput {
  readonly datasetId: number;
  readonly address: string;
  /** Nobody grants places: the dataset starts work by itself. */
  readonly grantsItself: boolean;
  readonly backoff: BackoffSettings;
}

/** What the machine remembers; JSON-safe. */
export interface DatasetContext extends DatasetInput {
  readonly backlog: DatasetBacklog | undefined;
  readonly failure: Failure | undefined;
  readonly failureCount: number;
  readonly pauseReasons: readonly string[];
  /** Whether the table must be repaired or built anew, and why, if it must. */
  readonly mend: TableMend | undefined;
  /** A change came while nobody could act on it. */
  readonly changedMeanwhile: boolean;
  readonly checkAsked: boolean;
  readonly maintenanceAsked: boolean;
  /** What made a stage fail was over before the others had ended: no need to back off. */
  readonly retryAsked: boolean;
  /** Stages that have to run once more when they end. */
  readonly again: { readonly chunk: boolean; readonly embed: boolean; readonly write: boolean };
}

export type DatasetTag = 'busy' | 'ready' | 'error' | 'paused';

/** What the stages are given to know which dataset they work for. */
export interface StageInput {
  readonly datasetId: number;
}
export interface MendInput extends StageInput {
  readonly reason: string;
}

export type CheckTableLogic = PromiseActorLogic<TableVerdict, StageInput>;
/** What a dataset has to do: its backlog, and why a generation is to be built beside the serving one, if one is. */
export interface Measured {
  readonly backlog: DatasetBacklog;
  readonly rebuildReason: string | undefined;
}
export type MeasureBacklogLogic = PromiseActorLogic<Measured, StageInput>;
export type StageLogic = PromiseActorLogic<void, StageInput>;
export type MendLogic = PromiseActorLogic<void, MendInput>;

/** What an actor reports when it enters a phase. */
export function datasetReport(context: DatasetContext, phase: DatasetPhase): DatasetReport {
  const { datasetId, address, backlog, failure } = context;
  return { type: 'dataset.reported', datasetId, address, phase, backlog, failure };
}

/** How long to back off; `random` (0 ≤ random() < 1) spreads the returns of many actors. */
export function datasetBackoffMs(context: DatasetContext, random: () => number): number {
  return backoffMs(context.failureCount, context.failure, context.backoff, random);
}

function notProvided(): Promise<never> {
  return Promise.reject(new Error('This actor is provided by the composition root.'));
}

/** Codes of failures that a check turns into a repair or a rebuild. */
const TABLE_DAMAGE: readonly string[] = ['TABLE_MISSING', 'TABLE_DAMAGED', 'TABLE_SCHEMA_DIFFERS'];

/** Codes of failures that the provider's own actor finds out the end of, and tells. */
const PROVIDER_OUTAGE: readonly string[] = ['PROVIDER_AUTH', 'PROVIDER_QUOTA'];

/** Why a dataset is paused that would spend more than it may. */
export const SPEND_PAUSE_REASON = 'spend cap';

const hasFailedStage = or(STAGES.map((stage) => stateIn({ processing: { [stage]: 'failed' } })));

/** Everything the chart in `dataset-machine.ts` calls by name. I/O is provided by the composition root. */
export const datasetSetup = setup({
  types: {
    context: {} as DatasetContext,
    events: {} as DatasetEvent,
    input: {} as DatasetInput,
    tags: {} as DatasetTag,
  },
  actors: {
    checkTable: fromPromise(notProvided) as CheckTableLogic,
    measureBacklog: fromPromise(notProvided) as MeasureBacklogLogic,
    chunkIncoming: fromPromise(notProvided) as StageLogic,
    embedPending: fromPromise(notProvided) as StageLogic,
    writeReady: fromPromise(notProvided) as StageLogic,
    maintainTable: fromPromise(notProvided) as StageLogic,
    repairTable: fromPromise(notProvided) as MendLogic,
    rebuildTable: fromPromise(notProvided) as MendLogic,
    deleteDataset: fromPromise(notProvided) as StageLogic,
  },
  actions: {
    /** Provided: tells whoever watches, with {@link datasetReport}. */
    reportPhase: (_, _params: { phase: DatasetPhase }) => undefined,
    rememberChange: assign({ changedMeanwhile: true }),
    /** A switch that is on its way may be due now. */
    rememberSwitch: assign({
      changedMeanwhile: ({ context }) =>
        context.changedMeanwhile || context.backlog?.isSwitchPending === true,
    }),
    forgetChange: assign({ changedMeanwhile: false }),
    rememberCheck: assign({ checkAsked: true }),
    forgetCheck: assign({ checkAsked: false }),
    /** An unsound table is mended first, and for its own reason. */
    rememberMeasured: assign({
      backlog: (_, params: { measured: Measured }) => params.measured.backlog,
      mend: ({ context }, { measured: { rebuildReason } }: { measured: Measured }) =>
        context.mend ??
        (rebuildReason === undefined ? undefined : ({ kind: 'rebuild', reason: rebuildReason } as const)),
    }),
    rememberRetry: assign({ retryAsked: true }),
    forgetRetry: assign({ retryAsked: false }),
    rememberMaintenance: assign({ maintenanceAsked: true }),
    forgetMaintenance: assign({ maintenanceAsked: false }),
    rememberVerdict: assign({
      mend: (_, { verdict }: { verdict: TableVerdict }) => (verdict.kind === 'sound' ? undefined : verdict),
    }),
    forgetMend: assign({ mend: undefined }),
    askAgain: assign({
      again: ({ context }, params: { stages: readonly Stage[] }) => ({
        ...context.again,
        ...Object.fromEntries(params.stages.map((stage) => [stage, true])),
      }),
    }),
    startStage: assign({
      again: ({ context }, params: { stage: Stage }) => ({ ...context.again, [params.stage]: false }),
    }),
    addPauseReason: assign({
      pauseReasons: ({ context }, params: { reason: string }) => [
        ...new Set([...context.pauseReasons, params.reason]),
      ],
    }),
    removePauseReason: assign({
      pauseReasons: ({ context }, params: { reason: string }) =>
        context.pauseReasons.filter((reason) => reason !== params.reason),
    }),
    recordFailure: assign({
      failure: (_, params: { error: unknown }) => toFailure(params.error),
      failureCount: ({ context }) => context.failureCount + 1,
    }),
    /** Of several stages that fail in one run the failure counts once, and the one that waiting cannot mend is shown. */
    recordFurtherFailure: assign({
      failure: ({ context }, params: { error: unknown }) => {
        const further = toFailure(params.error);
        return context.failure?.retryable === true && !further.retryable ? further : context.failure;
      },
    }),
    /** No failure of anybody: the count of failures stays what it was. */
    pauseForSpend: assign({
      pauseReasons: ({ context }) => [...new Set([...context.pauseReasons, SPEND_PAUSE_REASON])],
      failureCount: ({ context }) => Math.max(0, context.failureCount - 1),
    }),
    forgetFailure: assign({ failure: undefined, failureCount: 0 }),
    /** Provided: stages at work start nothing new. */
    holdWork: () => undefined,
    /** Provided: stages may start new work. */
    releaseWork: () => undefined,
  },
  guards: {
    isPaused: ({ context }) => context.pauseReasons.length > 0,
    isLastPauseReason: ({ context }, params: { reason: string }) =>
      context.pauseReasons.every((reason) => reason === params.reason),
    isCheckAsked: ({ context }) => context.checkAsked,
    isRetryAsked: ({ context }) => context.retryAsked,
    isMaintenanceAsked: ({ context }) => context.maintenanceAsked,
    hasChanged: ({ context }) => context.changedMeanwhile,
    needsMending: ({ context }) => context.mend !== undefined,
    needsRepair: ({ context }) => context.mend?.kind === 'repair',
    needsRebuild: ({ context }) => context.mend?.kind === 'rebuild',
    grantsItself: ({ context }) => context.grantsItself,
    hasWork: ({ context }, { measured }: { measured: Measured }) =>
      context.mend !== undefined ||
      context.maintenanceAsked ||
      measured.rebuildReason !== undefined ||
      waitingCount(measured.backlog) > 0,
    isAskedAgain: ({ context }, params: { stage: Stage }) => context.again[params.stage],
    /** Waiting will not mend it, and the check finds out what will. */
    isTableDamaged: ({ context }) => TABLE_DAMAGE.includes(context.failure?.code ?? ''),
    isSpendCapReached: ({ context }) => context.failure?.code === 'SPEND_CAP_REACHED',
    /** Waiting will not mend it and it keeps failing. */
    isHopeless: ({ context }) =>
      context.failure?.retryable === false &&
      !PROVIDER_OUTAGE.includes(context.failure.code) &&
      context.failureCount >= context.backoff.failuresMax,
    hasFailedStage,
    haveAllStagesEnded: and(
      STAGES.map((stage) =>
        or([
          stateIn({ processing: { [stage]: 'failed' } }),
          and([
            stateIn({ processing: { [stage]: 'drained' } }),
            not({ type: 'isAskedAgain', params: { stage } }),
          ]),
        ]),
      ),
    ),
  },
  delays: {
    /** Provided with jitter. */
    backoff: ({ context }) => datasetBackoffMs(context, () => 1),
  },
});
