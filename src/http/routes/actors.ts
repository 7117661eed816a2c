import { createRoute } from '@hono/zod-openapi';
import type { ActorView } from '../../runtime/actor-view.ts';
import { defined } from '../defined.ts';
import type { HttpParts } from '../environment.ts';
import { presentActor, presentTransition } from '../live/present.ts';
import { createRouter } from '../router.ts';
import {
  type ActorAnswer,
  actorPageQuery,
  actorPageSchema,
  actorParams,
  actorSchema,
  controlEventSchema,
  type HistoryAnswer,
  historySchema,
  type MachineAnswer,
  machineSchema,
} from '../schemas/actors.ts';
import { problemResponses } from '../schemas/problem.ts';
import { requireWrite } from '../security/guards.ts';

const tags = ['Actors'];

const listActors = createRoute({
  method: 'get',
  path: '/actors',
  operationId: 'listActors',
  tags,
  summary: 'Lists the actors with their states: the supervisor, datasets, explicit calls',
  request: { query: actorPageQuery },
  responses: {
    200: { description: 'A page of actors', content: { 'application/json': { schema: actorPageSchema } } },
    ...problemResponses(),
  },
});

const readActor = createRoute({
  method: 'get',
  path: '/actors/{id}',
  operationId: 'readActor',
  tags,
  summary: 'Tells how an actor stands, and which control events it takes',
  request: { params: actorParams },
  responses: {
    200: { description: 'The actor', content: { 'application/json': { schema: actorSchema } } },
    ...problemResponses('ACTOR_NOT_FOUND'),
  },
});

const readMachine = createRoute({
  method: 'get',
  path: '/actors/{id}/machine',
  operationId: 'readMachine',
  tags,
  summary: 'Gives the definition of an actor’s machine, to be drawn',
  request: { params: actorParams },
  responses: {
    200: { description: 'The definition', content: { 'application/json': { schema: machineSchema } } },
    ...problemResponses('ACTOR_NOT_FOUND'),
  },
});

const readHistory = createRoute({
  method: 'get',
  path: '/actors/{id}/history',
  operationId: 'readActorHistory',
  tags,
  summary: 'Tells what an actor did lately: its changes of state, newest first',
  description: 'Up to 64, as far as they are remembered; also of an actor that is gone, for a while.',
  request: { params: actorParams },
  responses: {
    200: { description: 'Its history', content: { 'application/json': { schema: historySchema } } },
    ...problemResponses('ACTOR_NOT_FOUND'),
  },
});

const sendEvent = createRoute({
  method: 'post',
  path: '/actors/{id}/events',
  operationId: 'sendControlEvent',
  tags,
  summary: 'Controls an actor',
  description:
    'Pauses last until every reason was taken back. An event that the actor does not take in its present state is refused with 409, which names those that it takes.',
  middleware: [requireWrite],
  request: {
    params: actorParams,
    body: { required: true, content: { 'application/json': { schema: controlEventSchema } } },
  },
  responses: {
    202: {
      description: 'It was told; this is how it stands now',
      content: { 'application/json': { schema: actorSchema } },
    },
    ...problemResponses('ACTOR_NOT_FOUND', 'EVENT_NOT_ALLOWED', 'LEASE_HELD', 'CATALOG_READ_ONLY'),
  },
});

export function actorRoutes({ runtime }: HttpParts) {
  const { actors } = runtime;
  return createRouter()
    .openapi(listActors, (context) => {
      const { after: afterId, limit, machine, tag } = context.req.valid('query');
      const found = actors.list({ limit: limit + 1, ...defined({ afterId, machine, tag }) });
      const items = found.slice(0, limit);
      const next = found.length > limit ? items.at(-1)?.id : undefined;
      return context.json({ items: items.map(actorOf), next }, 200);
    })
    .openapi(readActor, async (context) => {
      const { id } = context.req.valid('param');
      return context.json(actorOf(await actors.get(id)), 200);
    })
    .openapi(readMachine, async (context) => {
      const { id } = context.req.valid('param');
      const machine = await actors.machine(id);
      return context.json(machine as MachineAnswer, 200);
    })
    .openapi(readHistory, async (context) => {
      const { id } = context.req.valid('param');
      const items = (await actors.history(id)).map(presentTransition);
      return context.json({ items } as unknown as HistoryAnswer, 200);
    })
    .openapi(sendEvent, async (context) => {
      const { id } = context.req.valid('param');
      const event = context.req.valid('json');
      return context.json(actorOf(await actors.send(id, defined(event))), 202);
    });
}

/** The same with the lists of the schema, which to the compiler may be changed. */
function actorOf(actor: ActorView): ActorAnswer {
  return presentActor(actor) as unknown as ActorAnswer;
}
