import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { ReplyError } from 'ioredis';
import type { Problem } from '../core/problem.ts';
import { WaybillError } from '../core/waybill-error.ts';
import { answerLost, unavailable } from '../queue/connections.ts';
import type { Connection } from '../queue/servers.ts';
import type { ApiParts } from './api-parts.ts';
import {
  type ApiProblem,
  PROBLEM_TYPE,
  ProblemError,
  problemDocument,
  retryAfterOf,
  statusOf,
} from './problems.ts';

/** Errors of paths, before a key is asked for; they are not logged. */
const BY_CODE: Readonly<Record<string, ApiProblem>> = {
  FST_ERR_BAD_URL: { code: 'REQUEST_INVALID', detail: 'the path is not percent-encoded UTF-8' },
  FST_ERR_MAX_PARAM_LENGTH: {
    code: 'NOT_FOUND',
    detail: 'a part of the path is longer than any name or id here',
  },
};
const UNEXPECTED: ApiProblem = { code: 'UNEXPECTED', detail: 'its log says more' };
const JSON_ALONE: readonly string[] = ['application/json'];
const SERVER_FAULT = 500;

/** Writes a problem as the answer. */
export function sendProblem(reply: FastifyReply, problem: ApiProblem): FastifyReply {
  const retryAfter = retryAfterOf(problem.code);
  if (retryAfter !== undefined) reply.header('retry-after', retryAfter);
  if (problem.code === 'UNAUTHENTICATED') reply.header('www-authenticate', 'Bearer');
  return reply.code(statusOf(problem.code)).type(PROBLEM_TYPE).send(problemDocument(problem));
}

/** What answers if a request ends with an error. */
export function createErrorHandler({
  log,
  redis,
  onUnavailable,
}: Pick<ApiParts, 'log' | 'redis' | 'onUnavailable'>) {
  return (thrown: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const error = isOfRedis(thrown, request) ? redisProblem(redis, thrown, request.mayBeDone) : thrown;
    const problem = toProblem(error, request);
    // The client closed the connection: that is no fault of ours.
    const isGone = request.raw.socket?.destroyed === true;
    if (problem.code === 'UNEXPECTED' && !isGone) {
      log.error({ err: error, method: request.method, route: request.routeOptions.url }, 'request failed');
    } else if (statusOf(problem.code) >= SERVER_FAULT && !isGone) onUnavailable(error);
    // The rest of the body may never come.
    if (problem.code === 'REQUEST_TIMEOUT') reply.header('connection', 'close');
    return sendProblem(reply, problem);
  };
}

/** Errors that are not of Redis or its connection; ioredis has no class for its own. */
const OTHERS = [ProblemError, WaybillError, TypeError, RangeError, ReferenceError, SyntaxError];

function isOfRedis(error: Error, { mayBeDone }: FastifyRequest): boolean {
  return mayBeDone !== undefined && !OTHERS.some((other) => error instanceof other);
}

function redisProblem(redis: Connection, cause: Error, mayBeDone = false): ProblemError {
  if (cause instanceof ReplyError) {
    return new ProblemError('REDIS_REFUSED', `Redis refused: ${cause.message.split(' ')[0]}`, undefined, {
      cause,
    });
  }
  const { code, message } = mayBeDone ? answerLost(redis, cause) : unavailable(redis, cause);
  return new ProblemError(code, message, undefined, { cause });
}

function toProblem(error: Error, request: FastifyRequest): ApiProblem {
  if (error instanceof ProblemError) return error.problem;
  if (hasZodFastifySchemaValidationErrors(error)) return invalidRequest(error);
  if (error instanceof WaybillError && statusOf(error.code) >= SERVER_FAULT) {
    return { code: error.code, detail: error.message };
  }
  const { code, statusCode } = error as { code?: unknown; statusCode?: number };
  if (typeof code !== 'string' || !code.startsWith('FST_ERR_')) return UNEXPECTED;
  return BY_CODE[code] ?? ofStatus(statusCode, request) ?? UNEXPECTED;
}

/** Fastify's other errors: they are of bodies. */
function ofStatus(
  status: number | undefined,
  { headers, routeOptions: { bodyLimit, config } }: FastifyRequest,
): ApiProblem | undefined {
  switch (status) {
    case 400:
      return { code: 'BODY_INVALID', detail: 'it is not JSON, or is not as long as was announced' };
    case 413:
      return { code: 'BODY_TOO_LARGE', detail: `it may have ${bodyLimit} bytes at most` };
    case 415: {
      const taken = (config.takes ?? JSON_ALONE).join(', ');
      const given = headers['content-type']?.slice(0, 100) ?? 'none';
      return { code: 'MEDIA_TYPE_UNSUPPORTED', detail: `taken: ${taken}; given: ${given}` };
    }
    default:
      return undefined;
  }
}

/** The beginnings of paths, by the part of the request. */
const PLACES = {
  body: '$',
  querystring: 'query',
  params: 'path',
  headers: 'header',
};

function invalidRequest({ validation = [], validationContext = 'body' }: FastifyError): ApiProblem {
  const place = PLACES[validationContext];
  const errors = validation.flatMap((issue): Problem[] => {
    const path = [place, ...issue.instancePath.split('/').filter((key) => key !== '')].join('.');
    const { keys } = issue.params as { keys?: readonly string[] };
    if (issue.keyword !== 'unrecognized_keys' || keys === undefined) {
      return [{ path, message: sentenceOf(issue.message) }];
    }
    return keys.map((key) => ({ path: `${path}.${key.slice(0, 100)}`, message: 'is not known' }));
  });
  const count = errors.length === 1 ? 'one problem' : `${errors.length} problems`;
  return { code: 'REQUEST_INVALID', detail: `it has ${count}: see errors`, members: { errors } };
}

/** zod's own sentences begin with a capital letter and have no subject. */
function sentenceOf(message = 'is wrong'): string {
  return /^[A-Z]/.test(message) ? `is wrong: ${message}` : message;
}

const RAW_PROBLEMS: Readonly<Record<string, ApiProblem>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { code: 'REQUEST_TIMEOUT', detail: 'it did not come in time' },
  HPE_HEADER_OVERFLOW: { code: 'HEADERS_TOO_LARGE', detail: 'they may have 16 KiB at most' },
};
const NOT_HTTP: ApiProblem = { code: 'REQUEST_INVALID', detail: 'what came is not HTTP' };

/** Answers bytes that Node cannot parse as a request, and ends the connection. */
export function answerRaw(error: NodeJS.ErrnoException, socket: Socket): void {
  if (socket.destroyed || !socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const problem = RAW_PROBLEMS[error.code ?? ''] ?? NOT_HTTP;
  const body = JSON.stringify(problemDocument(problem));
  const head = [
    `HTTP/1.1 ${statusOf(problem.code)} Refused`,
    `content-type: ${PROBLEM_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
