import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { describeDoubts } from '../check/check-client.ts';
import { checkClients, cutShort } from '../check/check-clients.ts';
import { checkQueues, checkRedis, checkSecretKey } from '../check/check-redis.ts';
import { about, type CheckFinding, findingSchema, inOrder, isOk, remark } from '../check/finding.ts';
import type { ResolvedClient } from '../config/config-schema.ts';
import { findChannelDoubts } from '../config/credential-doubts.ts';
import { unlessCalledOff } from '../core/call-off.ts';
import { isConnected, isNotAnswered, unavailable } from '../queue/connections.ts';
import type { Connection } from '../queue/servers.ts';
import type { ApiParts, ApiServer } from './api-parts.ts';
import { chooseClients, clientOf } from './clients.ts';
import { ProblemError } from './problems.ts';
import { problemsOf } from './schemas.ts';

/** So long a check takes at the most, in milliseconds. */
const MOST_MS = 120_000;

const UNDER_WAY = 'this service runs one check at a time, and another one is not done';
const CLOSED = 'the connection was closed on the other side, which ends a check';

/** `POST /v1/check` */
export function addCheckRoute(server: ApiServer, parts: ApiParts): void {
  const totalMs = Math.min(MOST_MS, parts.http.requestTimeoutMs);
  let isUnderWay = false;
  server.post(
    '/v1/check',
    {
      schema: {
        operationId: 'runCheck',
        tags: ['clients'],
        summary: 'Say what is wrong with Redis, with endpoints and with token services',
        description:
          'As "waybill check --json", as the running service sees it. It connects to the hosts of endpoints, sends ' +
          'them nothing, and asks token services for a token. A key of some clients is told of these alone. What is ' +
          'not done in the time of a request, or within two minutes, has a warning of class late.',
        querystring: z.strictObject({ client: z.string().optional().describe('this client only') }),
        response: {
          200: z.object({
            ok: z.boolean().describe('false: a finding is an error'),
            findings: z.array(findingSchema),
          }),
          ...problemsOf(400, 401, 403, 404, 409),
        },
      },
    },
    async (request) => {
      const names = chooseClients(request, request.query.client);
      const clients = names.map((name) => clientOf(request, name));
      if (isUnderWay) throw new ProblemError('CHECK_UNDER_WAY', UNDER_WAY);
      isUnderWay = true;
      try {
        const findings = await whileWanted(request, totalMs, (signal) =>
          examine(parts, request, clients, { totalMs, signal }),
        );
        return { ok: isOk(findings), findings };
      } finally {
        isUnderWay = false;
      }
    },
  );
}

/** Works until it is done, time is up, or nobody waits for the answer. @throws ProblemError if nobody does */
async function whileWanted<Result>(
  { raw: { socket } }: FastifyRequest,
  ms: number,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), ms);
  const leave = (): void => limit.abort(new ProblemError('REQUEST_INVALID', CLOSED));
  // Who is gone and who has closed only the sending side look the same until something is written.
  socket.once('end', leave).once('close', leave);
  try {
    const result = await work(limit.signal);
    if (limit.signal.reason instanceof ProblemError) throw limit.signal.reason;
    return result;
  } finally {
    clearTimeout(timer);
    socket.off('end', leave).off('close', leave);
  }
}

async function examine(
  { current, redis }: ApiParts,
  request: FastifyRequest,
  clients: readonly ResolvedClient[],
  limits: { readonly totalMs: number; readonly signal: AbortSignal },
): Promise<CheckFinding[]> {
  const { config, clients: all } = current();
  // Redis holds clients that a key of some is not told of.
  const isOfAll = request.clients === all;
  const names = clients.map(({ name }) => name);
  const asked = isOfAll ? checkRedis(redis, config) : checkQueues(redis, config, names);
  const [ofRedis, ofClients] = await Promise.all([
    unlessCalledOff(
      asked.catch((error) => about('redis', [remark('error', whyNot(redis, error))])),
      limits.signal,
      about('redis', [cutShort(limits.totalMs)]),
    ),
    checkClients(clients, config.directory, limits),
  ]);
  const count = Object.keys(all).length;
  const runs = remark('ok', `the service runs with ${config.file}: ${count} client${count === 1 ? '' : 's'}`);
  const ofAll = [
    ...about('configuration', [runs, ...describeDoubts(findChannelDoubts(config))]),
    ...about('redis', checkSecretKey(config)),
  ];
  return inOrder([...ofRedis, ...(isOfAll ? ofAll : []), ...ofClients], clients);
}

function whyNot(redis: Connection, error: unknown): string {
  const isAway = !isConnected(redis) || isNotAnswered(error);
  return isAway ? unavailable(redis, error).message : `asking Redis failed: ${String(error)}`;
}
