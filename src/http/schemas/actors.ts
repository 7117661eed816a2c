import { z } from '@hono/zod-openapi';
import { MACHINES, type MachineName } from '../../actors/machines.ts';
import { CONTROL_EVENT_TYPES } from '../../runtime/actor-view.ts';
import { pageOf, pageQuery, timeSchema } from './common.ts';

const idSchema = z
  .string()
  .min(1)
  .max(64)
  .regex(
    /^(?:supervisor|(?:dataset|call|provider|batch|watcher|scheduler):[1-9]\d{0,14})$/,
    'supervisor, dataset:NUMBER, call:NUMBER, provider:NUMBER, batch:NUMBER, watcher:NUMBER or scheduler:1',
  );

export const actorParams = z.object({
  id: idSchema.openapi({
    param: { name: 'id', in: 'path' },
    description:
      '`supervisor`, `dataset:NUMBER`, `call:NUMBER` for one that lives as long as an explicit call, `provider:NUMBER`, `batch:NUMBER`, `watcher:NUMBER`, or `scheduler:1`.',
    example: 'supervisor',
  }),
});

const machineNameSchema = z
  .enum(Object.keys(MACHINES) as [MachineName, ...MachineName[]])
  .openapi('MachineName', { example: 'dataset' });

export const actorPageQuery = pageQuery.extend({
  machine: machineNameSchema.optional().openapi({ description: 'Only actors that run this machine.' }),
  tag: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .openapi({ description: 'Only actors whose state has this tag: `busy`, `ready`, `error`, `paused`.' }),
  after: idSchema
    .optional()
    .openapi({ description: 'The `next` of the page before.', example: 'dataset:12' }),
});

const stateValueSchema = z.union([z.string(), z.record(z.string(), z.unknown())]).openapi('StateValue', {
  description: 'As XState has it: a name, or names within names.',
  example: { running: { work: 'idle', discovery: 'waiting' } },
});

const controlEventTypeSchema = z.enum(CONTROL_EVENT_TYPES).openapi('ControlEventType');

export const actorSchema = z
  .object({
    id: z.string().openapi({ example: 'dataset:12' }),
    machine: machineNameSchema,
    address: z
      .string()
      .optional()
      .openapi({ description: '`project/dataset`; absent for actors that are not of one dataset.' }),
    status: z.enum(['active', 'done', 'error', 'stopped', 'notStarted', 'resting']).openapi({
      description:
        '`notStarted`: the supervisor of a worker that is not started; `resting`: a dataset without an actor, which gets one when it is told something.',
    }),
    value: stateValueSchema,
    activeNodes: z.array(z.string()).openapi({
      description: 'Ids in the machine’s definition, outer ones first.',
      example: ['dataset', 'dataset.idle'],
    }),
    tags: z.array(z.string()).openapi({ example: ['ready'] }),
    since: timeSchema.optional().openapi({ description: 'Its last change of state, where that is known.' }),
    context: z
      .record(z.string(), z.unknown())
      .optional()
      .openapi({ description: 'What it remembers, as far as it is of interest.' }),
    invoked: z
      .array(z.string())
      .openapi({ description: 'What it runs at the moment.', example: ['checkTable'] }),
    nextEvents: z
      .array(controlEventTypeSchema)
      .openapi({ description: 'Control events that it takes now.', example: ['dataset.pause'] }),
  })
  .openapi('Actor');

export const actorPageSchema = pageOf(actorSchema, 'ActorPage');

const transitionSchema = z
  .object({
    actorId: z.string().openapi({ example: 'dataset:12' }),
    address: z.string().optional(),
    event: z.string().openapi({
      description: 'What set it off; `xstate.init` and `xstate.stop` for its beginning and its end.',
      example: 'dataset.changed',
    }),
    from: stateValueSchema.optional(),
    to: stateValueSchema,
    edgeIds: z.array(z.string()).openapi({
      description:
        'Edges of the machine’s definition that were taken, in their order: also those through states that it did not stay in.',
      example: ['dataset.idle:0'],
    }),
    status: z.enum(['active', 'done', 'error', 'stopped']),
    tags: z.array(z.string()),
    at: timeSchema,
  })
  .openapi('Transition');

export const historySchema = z.object({ items: z.array(transitionSchema) }).openapi('ActorHistory');

export const controlEventSchema = z
  .strictObject({
    type: controlEventTypeSchema,
    reason: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .openapi({ description: 'Of a pause and its resume. Default `asked for`.', example: 'deployment' }),
  })
  .openapi('ControlEvent', { example: { type: 'supervisor.pause', reason: 'deployment' } });

const namesSchema = z.array(z.string());

const machineNodeSchema = z
  .object({
    id: z.string().openapi({ example: 'dataset.processing' }),
    key: z.string(),
    parentId: z.string().optional(),
    type: z.enum(['atomic', 'compound', 'parallel', 'final', 'history']),
    initialId: z.string().optional(),
    tags: namesSchema,
    entryActions: namesSchema,
    exitActions: namesSchema,
    invokes: z.array(z.object({ id: z.string(), source: z.string() })),
  })
  .openapi('MachineNode');

const machineEdgeSchema = z
  .object({
    id: z.string(),
    sourceId: z.string(),
    targetIds: namesSchema.openapi({ description: 'Empty for a transition that only acts.' }),
    kind: z.enum(['event', 'done', 'error', 'after', 'always']),
    event: z.string().openapi({ description: 'As XState names it, and as `transition` events do.' }),
    label: z.string().openapi({ description: 'For people: the event, the invocation, or the delay.' }),
    guard: z.string().optional().openapi({ example: 'and(hasWork, not(isPaused))' }),
    actions: namesSchema,
    delay: z.string().optional(),
  })
  .openapi('MachineEdge');

export const machineSchema = z
  .object({
    id: z.string().openapi({ example: 'dataset' }),
    nodes: z.array(machineNodeSchema),
    edges: z.array(machineEdgeSchema),
    guards: namesSchema,
    actions: namesSchema,
    delays: namesSchema,
    sources: namesSchema,
  })
  .openapi('Machine');

/** An actor as the schema has it. */
export type ActorAnswer = z.infer<typeof actorSchema>;

/** A history as the schema has it: lists that may be changed. */
export type HistoryAnswer = z.infer<typeof historySchema>;

/** A definition as the schema has it: lists that may be changed. */
export type MachineAnswer = z.infer<typeof machineSchema>;
