import type { StateValueFrom } from 'xstate';
import type { DatasetEvent, DatasetPhase, datasetMachine } from '../../src/actors/dataset-machine.ts';
import type { LeafPath } from './state-paths.ts';

/*
 * What the dataset machine does in every state about every event. The compiler refuses a missing row and a missing column.
 */

type Leaf = LeafPath<StateValueFrom<typeof datasetMachine>>;
/** Passed through at once, so that no event ever meets them; see the last test. */
type PassedThrough = Extract<Leaf, 'settling' | 'failing' | 'retrying' | 'queued.granted'>;
/** An actor that has ended hears nothing. */
type Ended = Extract<Leaf, 'deleted'>;
export type Row = Exclude<Leaf, PassedThrough | Ended>;
export type Stage = 'chunk' | 'embed' | 'write';
/** What happens besides the change of state. */
export type Note =
  | 'remembers the change'
  | 'remembers the check'
  | 'remembers the maintenance'
  | 'remembers to try again'
  | 'adds the reason'
  | 'removes the reason'
  | `asks ${Stage} again`
  | 'holds the stages'
  | 'releases the stages';
type Cell = Row | readonly [Row, ...Note[]];

const REMEMBERED = 'remembers the change';
const CHECK_LATER = 'remembers the check';
const MAINTAIN_LATER = 'remembers the maintenance';
const PAUSED: Cell = ['paused', 'adds the reason'];
/** What is under way is finished first. */
const pausedLater = <Here extends Row>(here: Here): Cell => [here, 'adds the reason'];

/** Deletion takes everything out of every state. */
const DELETED = { 'dataset.delete': 'deleting' } as const;

/** Events that mean nothing to a state, which stays as it is. */
const workIgnored = <Here extends Row>(here: Here) =>
  ({ 'dataset.retry': here, 'dataset.proceed': here, 'work.chunked': here, 'work.embedded': here }) as const;

/** A stage at work. An event that concerns it lets it run once more when it ends. */
const stageRow = (
  here: Row,
  concerned: { changed: readonly Stage[]; chunked: readonly Stage[]; embedded: readonly Stage[] },
  onWake: { changed: Row; chunked: Row; embedded: Row } = { changed: here, chunked: here, embedded: here },
): Record<DatasetEvent['type'], Cell> => {
  const asks = (stages: readonly Stage[]) => stages.map((stage) => `asks ${stage} again` as const);
  return {
    ...DELETED,
    'dataset.changed': [onWake.changed, ...asks(concerned.changed), REMEMBERED],
    'work.chunked': [onWake.chunked, ...asks(concerned.chunked)],
    'work.embedded': [onWake.embedded, ...asks(concerned.embedded)],
    'dataset.proceed': here,
    // Only one that has failed is going to back off.
    'dataset.retry': here.endsWith('.failed') ? [here, 'remembers to try again'] : here,
    'dataset.check': [here, CHECK_LATER],
    'dataset.maintain': [here, MAINTAIN_LATER],
    'dataset.pause': [here, 'adds the reason', 'holds the stages'],
    // A resume without a pause: harmless, one more look.
    'dataset.resume': [onWake.changed, 'releases the stages', ...asks(concerned.changed)],
  };
};
export const ALL: readonly Stage[] = ['chunk', 'embed', 'write'];
const RUNNING = {
  changed: ALL,
  chunked: ['embed', 'write'],
  embedded: ['write'],
} as const;

export const TABLE: Record<Row, Record<DatasetEvent['type'], Cell>> = {
  checking: {
    ...DELETED,
    ...workIgnored('checking'),
    'dataset.changed': ['checking', REMEMBERED],
    'dataset.check': ['checking', CHECK_LATER],
    'dataset.maintain': ['checking', MAINTAIN_LATER],
    'dataset.pause': pausedLater('checking'),
    'dataset.resume': 'checking',
  },
  idle: {
    ...DELETED,
    ...workIgnored('idle'),
    'dataset.changed': 'queued.measuring',
    'dataset.check': 'checking',
    'dataset.maintain': ['queued.measuring', MAINTAIN_LATER],
    'dataset.pause': PAUSED,
    'dataset.resume': 'idle',
  },
  'queued.measuring': {
    ...DELETED,
    ...workIgnored('queued.measuring'),
    'dataset.changed': ['queued.measuring', REMEMBERED],
    'dataset.check': 'checking',
    'dataset.maintain': ['queued.measuring', MAINTAIN_LATER],
    'dataset.pause': PAUSED,
    'dataset.resume': 'queued.measuring',
  },
  'queued.waiting': {
    ...DELETED,
    ...workIgnored('queued.waiting'),
    'dataset.proceed': 'processing.chunk.running',
    'dataset.changed': ['queued.waiting', REMEMBERED],
    'dataset.check': 'checking',
    'dataset.maintain': ['queued.waiting', MAINTAIN_LATER],
    'dataset.pause': PAUSED,
    'dataset.resume': 'queued.waiting',
  },
  'processing.chunk.running': stageRow('processing.chunk.running', RUNNING),
  'processing.embed.running': stageRow('processing.embed.running', RUNNING),
  'processing.write.running': stageRow('processing.write.running', RUNNING),
  'processing.chunk.drained': stageRow(
    'processing.chunk.drained',
    { changed: ['embed', 'write'], chunked: ['embed', 'write'], embedded: ['write'] },
    {
      changed: 'processing.chunk.running',
      chunked: 'processing.chunk.drained',
      embedded: 'processing.chunk.drained',
    },
  ),
  'processing.embed.drained': stageRow(
    'processing.embed.drained',
    { changed: ['chunk', 'write'], chunked: ['write'], embedded: ['write'] },
    {
      changed: 'processing.embed.running',
      chunked: 'processing.embed.running',
      embedded: 'processing.embed.drained',
    },
  ),
  'processing.write.drained': stageRow(
    'processing.write.drained',
    { changed: ['chunk', 'embed'], chunked: ['embed'], embedded: [] },
    {
      changed: 'processing.write.running',
      chunked: 'processing.write.running',
      embedded: 'processing.write.running',
    },
  ),
  // A stage failed: it is not started again, the others end by themselves and stay held.
  'processing.chunk.failed': {
    ...stageRow('processing.chunk.failed', RUNNING),
    'dataset.resume': 'processing.chunk.failed',
  },
  'processing.embed.failed': {
    ...stageRow('processing.embed.failed', RUNNING),
    'dataset.resume': 'processing.embed.failed',
  },
  'processing.write.failed': {
    ...stageRow('processing.write.failed', RUNNING),
    'dataset.resume': 'processing.write.failed',
  },
  maintaining: {
    ...DELETED,
    ...workIgnored('maintaining'),
    'dataset.changed': ['maintaining', REMEMBERED],
    'dataset.check': ['maintaining', CHECK_LATER],
    'dataset.maintain': ['maintaining', MAINTAIN_LATER],
    'dataset.pause': pausedLater('maintaining'),
    'dataset.resume': 'maintaining',
  },
  repairing: {
    ...DELETED,
    ...workIgnored('repairing'),
    'dataset.changed': ['repairing', REMEMBERED],
    'dataset.check': ['repairing', CHECK_LATER],
    'dataset.maintain': ['repairing', MAINTAIN_LATER],
    'dataset.pause': pausedLater('repairing'),
    'dataset.resume': 'repairing',
  },
  rebuilding: {
    ...DELETED,
    ...workIgnored('rebuilding'),
    'dataset.changed': ['rebuilding', REMEMBERED],
    'dataset.check': ['rebuilding', CHECK_LATER],
    'dataset.maintain': ['rebuilding', MAINTAIN_LATER],
    'dataset.pause': pausedLater('rebuilding'),
    'dataset.resume': 'rebuilding',
  },
  // Whatever comes meanwhile is seen by the check that ends the wait.
  backingOff: {
    ...DELETED,
    ...workIgnored('backingOff'),
    'dataset.retry': 'checking',
    'dataset.changed': ['backingOff', REMEMBERED],
    'dataset.check': 'checking',
    'dataset.maintain': ['backingOff', MAINTAIN_LATER],
    'dataset.pause': PAUSED,
    'dataset.resume': 'backingOff',
  },
  parked: {
    ...DELETED,
    ...workIgnored('parked'),
    'dataset.changed': ['parked', REMEMBERED],
    'dataset.check': 'checking',
    'dataset.maintain': ['parked', MAINTAIN_LATER],
    'dataset.pause': PAUSED,
    'dataset.resume': 'parked',
  },
  paused: {
    ...DELETED,
    ...workIgnored('paused'),
    'dataset.changed': ['paused', REMEMBERED],
    'dataset.check': ['paused', CHECK_LATER],
    'dataset.maintain': ['paused', MAINTAIN_LATER],
    'dataset.pause': pausedLater('paused'),
    'dataset.resume': ['checking', 'removes the reason'],
  },
  // Nothing holds up a deletion, and nothing but its end ends it.
  deleting: {
    ...workIgnored('deleting'),
    'dataset.changed': ['deleting', REMEMBERED],
    'dataset.check': ['deleting', CHECK_LATER],
    'dataset.maintain': ['deleting', MAINTAIN_LATER],
    'dataset.pause': 'deleting',
    'dataset.resume': 'deleting',
    'dataset.delete': 'deleting',
  },
  deletionFailed: {
    ...workIgnored('deletionFailed'),
    'dataset.changed': ['deletionFailed', REMEMBERED],
    'dataset.check': ['deletionFailed', CHECK_LATER],
    'dataset.maintain': ['deletionFailed', MAINTAIN_LATER],
    'dataset.pause': 'deletionFailed',
    'dataset.resume': 'deletionFailed',
    'dataset.delete': 'deleting',
  },
};

/** The phase that is reported on entering a state. */
export const PHASES: Record<Row, DatasetPhase> = {
  checking: 'checking',
  idle: 'idle',
  'queued.measuring': 'measuring',
  'queued.waiting': 'queued',
  'processing.chunk.running': 'processing',
  'processing.embed.running': 'processing',
  'processing.write.running': 'processing',
  'processing.chunk.drained': 'processing',
  'processing.embed.drained': 'processing',
  'processing.write.drained': 'processing',
  'processing.chunk.failed': 'processing',
  'processing.embed.failed': 'processing',
  'processing.write.failed': 'processing',
  maintaining: 'maintaining',
  repairing: 'repairing',
  rebuilding: 'rebuilding',
  backingOff: 'backingOff',
  parked: 'parked',
  paused: 'paused',
  deleting: 'deleting',
  deletionFailed: 'backingOff',
};
