import type { Server } from 'node:http';
import { type FastifyReply, type FastifyRequest, fastify } from 'fastify';
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { HttpConfig } from '../config/http-config.ts';
import type { Log } from '../core/log.ts';
import { isConnected } from '../queue/connections.ts';
import type { ApiParts, ApiServer } from './api-parts.ts';
import { addAuditRoute } from './audit.ts';
import { addCheckRoute } from './check.ts';
import { addClientRoutes } from './clients.ts';
import { addConsoleRoutes } from './console.ts';
import { addDeadLetterActions } from './dead-letter-actions.ts';
import { addDeadLetterGroupRoute } from './dead-letter-groups.ts';
import { addDeadLetterRoutes } from './dead-letters.ts';
import { answerRaw, createErrorHandler } from './error-handler.ts';
import { addEventRoutes } from './events.ts';
import { addHistoryRoute } from './history.ts';
import { addIncidentRoute } from './incidents.ts';
import { addKeyRoute } from './key.ts';
import { clientsOf, findKey, givenKey, scopesFor } from './keys.ts';
import { addLiveRoute } from './live.ts';
import { addOpenApi } from './openapi.ts';
import { ProblemError } from './problems.ts';
import { addReportRoutes } from './reports.ts';
import { addEventSearchRoute } from './search-events.ts';
import { WrongKeys } from './wrong-keys.ts';

const HEADERS_TIMEOUT_MS = 10_000;
const LOOK_FOR_TIMEOUTS_MS = 1_000;
/** A route's own deadline comes first: its answer says what became of the events. */
const BACKSTOP_MS = 5_000;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_CONNECTIONS = 1_000;
const FIRST_REFUSAL = 400;
const WRONG_KEY = 'the header Authorization must be "Bearer" and a key of this service';
const NO_KEYS =
  'this service has none yet: "waybill key NAME --scope submit" makes one and prints its lines for the configuration; then send the service SIGHUP';
/** Of a request that is not about events. */
const OPERATION_BODY_BYTES = 256 * 1024;

/** Builds the HTTP API; it does not listen yet. */
export async function createApi(parts: ApiParts): Promise<ApiServer> {
  const answerError = createErrorHandler(parts);
  const server = fastify({
    ...timeouts(parts.http),
    bodyLimit: OPERATION_BODY_BYTES,
    exposeHeadRoutes: false,
    // Requests on open connections are answered normally while it closes.
    return503OnClosing: false,
    frameworkErrors: answerError,
    clientErrorHandler: answerRaw,
  }).withTypeProvider<ZodTypeProvider>();
  server.server.maxConnections = MAX_CONNECTIONS;
  answerHalfClosed(server.server);
  server.removeContentTypeParser('text/plain');
  takeEmptyBodies(server);
  server.setValidatorCompiler(validatorCompiler);
  // The schemas of answers are for the document, and a test holds answers to them: an accepted event must not
  // become a 500 because its answer is not as documented.
  server.setSerializerCompiler(() => (data) => JSON.stringify(data));
  server.setErrorHandler(answerError);
  addHooks(server, parts);
  await addOpenApi(server, parts.version);
  addEventRoutes(server, parts);
  addEventSearchRoute(server, parts);
  addClientRoutes(server, parts);
  addDeadLetterGroupRoute(server, parts);
  addDeadLetterRoutes(server, parts);
  addDeadLetterActions(server, parts);
  addIncidentRoute(server, parts);
  addAuditRoute(server, parts);
  addReportRoutes(server, parts);
  addCheckRoute(server, parts);
  addKeyRoute(server, parts);
  addHistoryRoute(server, parts);
  addLiveRoute(server, parts);
  if (parts.http.console) addConsoleRoutes(server);
  return server;
}

/** Many clients name a content type without a body; the schema of a route says if it needs one. */
function takeEmptyBodies(server: ApiServer): void {
  const parse = server.getDefaultJsonParser('error', 'error');
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined);
    else parse(request, body as string, done);
  });
}

/** A client that closes its side after the request still reads the answer. Node's types lack the setting. */
function answerHalfClosed(server: Server): void {
  (server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
}

function timeouts({ requestTimeoutMs }: HttpConfig) {
  const mostMs = requestTimeoutMs + BACKSTOP_MS;
  return {
    requestTimeout: mostMs,
    // Later: a connection that it ends gets no answer.
    connectionTimeout: mostMs + 2 * LOOK_FOR_TIMEOUTS_MS,
    http: {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: Math.min(requestTimeoutMs, HEADERS_TIMEOUT_MS),
      requestTimeout: mostMs,
      connectionsCheckingInterval: LOOK_FOR_TIMEOUTS_MS,
    },
  };
}

function addHooks(server: ApiServer, parts: ApiParts): void {
  server.decorateRequest('keyName', undefined);
  server.decorateRequest('clients', null as never);
  const methodsOf = collectMethods(server);
  const refuse = createRefusal(new WrongKeys(), parts);
  server.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return refuse(request, reply, done);
    const methods = methodsOf(request.url).join(', ');
    if (methods === '') return done(new ProblemError('NOT_FOUND', 'GET /openapi.json has all paths'));
    // Before the body is read: its type says nothing then.
    reply.header('allow', methods);
    done(new ProblemError('METHOD_NOT_ALLOWED', `it takes ${methods}, and not ${request.method}`));
  });
  server.decorateRequest('mayBeDone', undefined);
  server.addHook('preHandler', (request, _reply, done) => {
    const { access } = request.routeOptions.config;
    const asksRedis = access !== 'open' && access !== 'submit';
    if (asksRedis) request.mayBeDone = isChange(request) && isConnected(parts.redis);
    done();
  });
  server.addHook('onResponse', (request, reply, done) => {
    // What was not read of a body is read away, or else the connection is stuck.
    if (!request.raw.complete) request.raw.resume();
    logRequest(request, reply, parts.log);
    done();
  });
}

/** Refuses a request whose key is not allowed to; the answer to keys that are not there waits if many come. */
function createRefusal(wrongKeys: WrongKeys, parts: ApiParts) {
  return (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void => {
    const refusal = refuseKey(request, parts);
    const { authorization } = request.headers;
    const isWrong = refusal?.problem.code === 'UNAUTHENTICATED' && givenKey(authorization) !== undefined;
    const waitMs = isWrong ? wrongKeys.count(request.ip, parts.now()) : 0;
    if (waitMs > 0 && wrongKeys.begin()) {
      setTimeout(() => {
        wrongKeys.end();
        done(refusal);
      }, waitMs);
      return;
    }
    if (waitMs > 0) reply.header('connection', 'close');
    done(refusal);
  };
}

/** Undefined: the request comes with a key that is allowed to. */
function refuseKey(request: FastifyRequest, { current }: ApiParts): ProblemError | undefined {
  const { config, method } = request.routeOptions;
  const scopes = scopesFor(config.access, method);
  if (scopes.length === 0) return undefined;
  const { keys, clients } = current();
  const key = findKey(keys, request.headers.authorization);
  if (key === undefined) return new ProblemError('UNAUTHENTICATED', keys.length === 0 ? NO_KEYS : WRONG_KEY);
  request.keyName = key.name;
  request.clients = clientsOf(key, clients);
  if (scopes.some((scope) => key.scopes.includes(scope))) return undefined;
  return new ProblemError('FORBIDDEN', `key "${key.name}" has not the scope ${scopes.join(' or ')}`);
}

/** Collects the methods of the routes that are added later. @returns finds those of a URL's path */
function collectMethods(server: ApiServer): (url: string) => string[] {
  const routes: { readonly path: RegExp; readonly method: string }[] = [];
  server.addHook('onRoute', ({ url, method }) => {
    const path = new RegExp(`^${url.replaceAll('.', '\\.').replace(/:\w+/g, '[^/]*')}$`);
    routes.push({ path, method: String(method) });
  });
  return (url) => {
    const [path = ''] = url.split('?', 1);
    return [...new Set(routes.filter((route) => route.path.test(path)).map(({ method }) => method))].sort();
  };
}

/** Logs changes at `info`, with the name of the key. The URL is not logged: it may hold anything. */
function logRequest(request: FastifyRequest, reply: FastifyReply, log: Log): void {
  const { method, keyName, routeOptions, query, body } = request;
  const { statusCode: status } = reply;
  const ms = Math.round(reply.elapsedTime);
  const isDone = status < FIRST_REFUSAL;
  // A client that was not refused is one of the configuration; a query without a schema may hold anything.
  const asked = (body ?? (routeOptions.schema?.querystring ? query : {})) as { client?: string };
  const client = isDone ? ((request.params as { client?: string }).client ?? asked.client) : undefined;
  const facts = { method, route: routeOptions.url ?? null, client, status, ms, by: keyName ?? null };
  log[isDone && isChange(request) ? 'info' : 'debug'](facts, 'request');
}

/** Whether a request is an operator's, and changes something. */
function isChange({ method, routeOptions, body }: FastifyRequest): boolean {
  const isDryRun = (body as { dryRun?: boolean } | undefined)?.dryRun === true;
  return method === 'POST' && routeOptions.config.access === undefined && !isDryRun;
}
