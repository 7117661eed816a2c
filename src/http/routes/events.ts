import { createRoute, z } from '@hono/zod-openapi';
import type { HttpParts } from '../environment.ts';
import { HttpError } from '../http-error.ts';
import type { LiveEventType } from '../live/event-log.ts';
import { createLiveStreams, STREAM_TIMES } from '../live/live-streams.ts';
import { createRouter } from '../router.ts';
import { problemResponses } from '../schemas/problem.ts';

const EVENT_TYPES = ['transition', 'task', 'progress', 'runtime'] as const satisfies readonly LiveEventType[];

const typesQuery = z
  .string()
  .max(100)
  .regex(/^(?:transition|task|progress|runtime)(?:,(?:transition|task|progress|runtime))*$/)
  .optional()
  .openapi({
    description: `Only these, separated by commas: ${EVENT_TYPES.join(', ')}.`,
    example: 'transition,task',
  });

const readEvents = createRoute({
  method: 'get',
  path: '/events',
  operationId: 'readEvents',
  tags: ['Events'],
  summary: 'Streams what happens, as server-sent events, until the client leaves',
  description: [
    'Begins with a `snapshot` of all actors, then: `transition` (an actor changed its state), `task` (one began or ended), `progress` (what a dataset did since the last one, a few times a second), `runtime` (everything else that the runtime tells).',
    'A client that comes back with `Last-Event-ID` gets what it missed; where that is not known any more, a `gap` and a new `snapshot` say so.',
    'A comment comes every 5 seconds. A client that does not keep up is sent `dropped` and the stream ends; so it does with `end` when the runtime stops.',
  ].join('\n\n'),
  request: {
    query: z.object({
      types: typesQuery,
      dataset: z
        .string()
        .max(129)
        .optional()
        .openapi({ description: 'Only events of this dataset: `project/dataset`.', example: 'docs/website' }),
    }),
    headers: z.object({
      'last-event-id': z
        .string()
        .max(64)
        .optional()
        .openapi({ description: 'The `id` of the last event that was seen.' }),
    }),
  },
  responses: {
    200: {
      description: 'The stream',
      content: {
        'text/event-stream': {
          schema: z.string(),
          example:
            'id: 5f0c1b2a3d4e.7\nevent: transition\ndata: {"actorId":"dataset:12","address":"docs/website","event":"dataset.changed","from":"idle","to":{"queued":"measuring"},"edgeIds":["dataset.idle:0"],"status":"active","tags":["busy"],"at":"2026-11-26T01:02:03.456Z"}\n\n',
        },
      },
    },
    ...problemResponses('TOO_MANY_STREAMS'),
  },
});

/** Seconds after which a client that was turned away may try again. */
const RETRY_AFTER_S = 10;

export function eventRoutes({ runtime, options }: HttpParts) {
  const limits = { ...STREAM_TIMES, streamsMax: options.eventStreamsMax };
  const streams = createLiveStreams(runtime, limits, options.closing);
  return createRouter().openapi(readEvents, (context) => {
    const { types, dataset } = context.req.valid('query');
    const wanted = types?.split(',') ?? EVENT_TYPES;
    const stream = streams().open({
      lastEventId: context.req.valid('header')['last-event-id'],
      wants: ({ type, address }) => wanted.includes(type) && (dataset === undefined || address === dataset),
    });
    if (stream === undefined) {
      throw new HttpError(
        'TOO_MANY_STREAMS',
        `There are ${options.eventStreamsMax} event streams already; end one, or try again later.`,
        { headers: { 'Retry-After': String(RETRY_AFTER_S) } },
      );
    }
    return new Response(stream, {
      headers: {
        'Content-Type': 'text/event-stream; charset=utf-8',
        'Cache-Control': 'no-store',
        // Proxies such as nginx would hold events back.
        'X-Accel-Buffering': 'no',
      },
    });
  });
}
