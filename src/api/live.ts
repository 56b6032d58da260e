import { z } from 'zod';
import type { ApiParts, ApiServer } from './api-parts.ts';
import { LiveFeed } from './live-feed.ts';
import { liveAwaySchema, liveOverviewSchema } from './live-row.ts';
import { ProblemError } from './problems.ts';
import { problemsOf } from './schemas.ts';

const TYPE = 'text/event-stream';
/** What the events of the stream have for data. */
const DATA = [liveOverviewSchema, liveAwaySchema].map((schema) => ({
  $ref: `#/components/schemas/${schema.meta()?.id}`,
}));
const HEADERS = {
  'content-type': TYPE,
  'cache-control': 'no-store',
  // A proxy must not keep events back (nginx).
  'x-accel-buffering': 'no',
  connection: 'close',
};

/** `GET /v1/live` */
export function addLiveRoute(server: ApiServer, { views, current }: ApiParts): void {
  const feed = new LiveFeed(views, current);
  server.addHook('preClose', async () => feed.end());
  server.get(
    '/v1/live',
    {
      schema: {
        operationId: 'streamOverview',
        tags: ['clients'],
        summary: 'A stream of how all endpoints are, as server-sent events',
        description:
          'Each event `overview` has a LiveOverview as its data: the first one all endpoints, the others the ' +
          'changed ones. An event `away` (LiveAway) says that Redis cannot be read; the next overview has all endpoints ' +
          'again. A comment comes every 15 seconds. A reader that does not keep up is disconnected.',
        response: {
          200: {
            description: 'the stream, which ends with the service or the key',
            content: {
              [TYPE]: {
                schema: z.string().meta({ contentMediaType: TYPE, contentSchema: { anyOf: DATA } }),
              },
            },
          },
          ...problemsOf(401, 403, 503),
        },
      },
    },
    (request, reply) => {
      const key = current().keys.find(({ name }) => name === request.keyName);
      // It went between two steps of this request.
      if (key === undefined) throw new ProblemError('UNAUTHENTICATED', 'the key is not there any longer');
      if (feed.hasNoRoom) throw new ProblemError('SERVER_BUSY', 'as many streams are open as may');
      reply.hijack();
      // It would end a connection on which nothing comes.
      request.raw.socket.setTimeout(0);
      reply.raw.writeHead(200, HEADERS);
      reply.raw.flushHeaders();
      feed.add(reply.raw, key);
    },
  );
}
