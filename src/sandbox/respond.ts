import type { IncomingMessage, ServerResponse } from 'node:http';
import type { EventType } from '../core/event-type.ts';
import { EVENT_TYPES } from '../core/event-types.ts';
import { type Answer, isBad, type PlainAnswer, toAnswer, visibleStatus } from './answer.ts';
import type { Authenticator } from './company-auth.ts';
import type { TokenService } from './company-token-service.ts';
import type { Connection } from './listener.ts';
import type { ReceivedRequest, RequestLog } from './request-log.ts';
import { ask, type Reply } from './scripts.ts';
import { type FullAnswer, misbehave, sendPlain } from './send-answer.ts';

/** The path of a company's token service, if it has one. */
export const TOKEN_PATH = '/oauth/token';

/** What a company responds with. */
export interface Responder {
  readonly company: string;
  readonly authenticator: Authenticator;
  readonly deliveries: RequestLog;
  readonly tokenRequests: RequestLog;
  readonly replies: { delivery: Reply; token: Reply };
  /** A script threw: its request was answered with 500. */
  onScriptError(error: Error): void;
}

/** One request on its way to an answer. */
interface OpenRequest {
  readonly request: ReceivedRequest;
  readonly response: ServerResponse;
  readonly connection: Connection;
  readonly log: RequestLog;
  /** Undefined: the request is a delivery. */
  readonly tokenService: TokenService | undefined;
}

const UNAUTHORIZED: FullAnswer = { status: 401, body: '' };

/** Reads one request, answers it, and records both. */
export function respond(
  responder: Responder,
  message: IncomingMessage,
  response: ServerResponse,
  connection: Connection,
): void {
  const { authenticator, company, replies, deliveries, tokenRequests, onScriptError } = responder;
  const at = performance.now();
  const { method = '', url: path = '/', headers } = message;
  const tokenService = path === TOKEN_PATH ? authenticator.tokenService : undefined;
  const log = tokenService === undefined ? deliveries : tokenRequests;
  readBody(message, (body) => {
    const key = headers['idempotency-key'];
    const eventId = typeof key === 'string' ? key : undefined;
    const arrival = { company, method, path, headers, body, eventId, at, connection: connection.index };
    const request = log.arrived(arrival);
    if (response.destroyed) log.finished(request);
    else response.once('close', () => log.finished(request));
    const open = { request, response, connection, log, tokenService };
    if (tokenService !== undefined) void reply(open, replies.token, onScriptError);
    else if (authenticator.accepts(headers)) void reply(open, replies.delivery, onScriptError);
    else answer(open, UNAUTHORIZED);
  });
}

/** Calls back with the body as text once all of it has arrived; never, if the sender breaks off. */
function readBody(message: IncomingMessage, whenRead: (body: string) => void): void {
  const chunks: Buffer[] = [];
  message.on('data', (chunk: Buffer) => chunks.push(chunk));
  message.on('end', () => whenRead(Buffer.concat(chunks).toString('utf8')));
}

/** Contract, part 1: 201 for a receipt that is new to the client, 200 for one that it already had. */
function contractedAnswer({ path, eventId }: ReceivedRequest, { accepted }: RequestLog): FullAnswer {
  const type: EventType | undefined = EVENT_TYPES.find((each) => path.endsWith(each.path));
  const isKnown = eventId !== undefined && accepted.has(eventId);
  return { status: statusFor(type, isKnown) };
}

/** The contract's answer to an event, by whether the client accepted it before. */
export function statusFor(type: EventType | undefined, isKnown: boolean): number {
  const { alreadyReceivedStatus } = type ?? {};
  return alreadyReceivedStatus === undefined ? 200 : isKnown ? alreadyReceivedStatus : 201;
}

/** Answers as a script says, which may take its time. Never rejects. */
async function reply(open: OpenRequest, by: Reply, onScriptError: (error: Error) => void): Promise<void> {
  const { request, log } = open;
  try {
    const decided = ask(by, request, log.admitted(request));
    answer(open, toAnswer(decided instanceof Promise ? await decided : decided));
  } catch (cause) {
    const message = `the script of company "${request.company}" failed on ${request.method} ${request.path}`;
    answer(open, { status: 500, body: JSON.stringify({ message: `${message}: ${String(cause)}` }) });
    onScriptError(new Error(message, { cause }));
  }
}

/** Gives the answer, at once if it has no delay. */
function answer(open: OpenRequest, decided: Answer): void {
  const { delayMs = 0 } = decided;
  if (delayMs <= 0) {
    send(open, decided);
    return;
  }
  const timer = setTimeout(() => send(open, decided), delayMs);
  open.response.once('close', () => clearTimeout(timer));
}

function send(open: OpenRequest, decided: Answer): void {
  const { request, response, log } = open;
  // The sender may have left before the answer was ready.
  if (response.destroyed) return;
  if (isBad(decided)) {
    log.answered(request, { status: visibleStatus(decided), behaviour: decided.behaviour });
    misbehave(response, open.connection, decided);
    return;
  }
  const full = complete(decided, open);
  sendPlain(response, full);
  log.answered(request, { status: full.status });
  log.finished(request);
}

/** What an answer leaves open is as the contract says; made when it is sent: a token must not age while it waits. */
function complete(decided: PlainAnswer, { request, log, tokenService }: OpenRequest): FullAnswer {
  const { status } = decided;
  if (status !== undefined) return { ...decided, status };
  const base = tokenService?.respond(request) ?? contractedAnswer(request, log);
  return { ...base, ...decided, status: base.status, headers: { ...base.headers, ...decided.headers } };
}
