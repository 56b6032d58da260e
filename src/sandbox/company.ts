import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TlsOptions } from 'node:tls';
import type { z } from 'zod';
import type { clientConfigSchema } from '../config/client-config.ts';
import { AS_CONTRACTED } from './answer.ts';
import type { ChangeSignal } from './change-signal.ts';
import { createChangeSignal } from './change-signal.ts';
import type { CompanyAuth, Doorkeeper } from './company-auth.ts';
import { createDoorkeeper } from './company-auth.ts';
import { describeSeen } from './describe-seen.ts';
import type { Exchange } from './exchange.ts';
import { answer, answerWith } from './exchange.ts';
import type { Address, Connection, Listener } from './listener.ts';
import { createListener } from './listener.ts';
import { readBody } from './read-body.ts';
import type { ReceivedRequest, Seen } from './received-request.ts';
import type { RequestLog, Tally } from './request-log.ts';
import { createRequestLog } from './request-log.ts';
import type { Reply } from './scripts.ts';
import { ask } from './scripts.ts';
import type { FullAnswer } from './send-answer.ts';
import type { TokenService } from './token-service.ts';

/** A client as it stands in `waybill.yaml`. */
export type ClientSettings = z.input<typeof clientConfigSchema>;

/** How a company begins; all of it optional, `script` and `tokenScript` can be changed while it runs. */
export interface CompanyOptions {
  /** What it does with deliveries; left out: what the contract says. */
  readonly script?: Reply;
  /** What it does with token requests; left out: what the contract says. */
  readonly tokenScript?: Reply;
  /** Left out: none. Requests that do not pass get a 401 with no body, whatever the script says. */
  readonly auth?: CompanyAuth;
  /** Makes it speak HTTPS: what `node:tls` takes (`cert`, `key`, and `ca` with `requestCert` for client certificates). */
  readonly tls?: TlsOptions;
  /** How many requests and event ids it remembers at least; left out: all. Long runs want a bound. */
  readonly keepLatest?: number;
  /** … of event ids, where they are to be more than requests. */
  readonly keepIds?: number;
  /** Where it listens; left out: a free port of 127.0.0.1. */
  readonly address?: Address;
  /** Called when a request has been answered, or its sender has left; `isToken`: it asked for a token. */
  onFinished?(request: ReceivedRequest, isToken: boolean): void;
}

/** A company that Waybill plays itself: an endpoint and a token service on a loopback port of its own. */
export interface Company {
  readonly name: string;
  readonly port: number;
  readonly baseUrl: string;
  readonly tokenUrl: string;
  /** Undefined where it does not offer OAuth 2. */
  readonly tokenService: TokenService | undefined;
  /** Deliveries in order of arrival, refused ones too. */
  readonly requests: readonly ReceivedRequest[];
  readonly tokenRequests: readonly ReceivedRequest[];
  /** `Idempotency-Key`s answered with a 2xx status; grows as deliveries come in. */
  readonly deliveredIds: ReadonlySet<string>;
  readonly tally: Tally;
  readonly tokenTally: Tally;
  readonly connections: { readonly opened: number; readonly open: number };
  /** The client's entry for `waybill.yaml` that reaches this company and passes its authentication. */
  clientSettings(changes?: Partial<ClientSettings>): ClientSettings;
  /** Answers deliveries like this from the next one on. */
  script(reply: Reply): void;
  /** Answers token requests like this from the next one on. */
  tokenScript(reply: Reply): void;
  /** All tokens issued so far are answered with 401 from now on. */
  revokeTokens(): void;
  /**
   * Resolves once so many deliveries have arrived, or once the condition holds; it is looked at after each
   * arrival, answer and end of a request. Rejects with a `WaitTimeoutError` that says what was seen, after
   * 30 s unless told otherwise, or with the error of a script that threw.
   */
  waitFor(
    what: number | ((company: Company) => boolean),
    options?: { readonly timeoutMs?: number },
  ): Promise<void>;
  /** Ends its connections and refuses new ones. */
  down(): Promise<void>;
  /** Listens again, on the same port. */
  up(): Promise<void>;
  /** Ends for good; open waits reject. */
  close(): Promise<void>;
}

const TOKEN_PATH = '/oauth/token';
const WAIT_MS = 30_000;

/** Starts a company. `wallClock` gives milliseconds since the epoch, for the time stamps of its tokens. */
export async function startCompany(
  name: string,
  options: CompanyOptions,
  wallClock: () => number,
): Promise<Company> {
  const signal = createChangeSignal();
  const keepRequests = options.keepLatest ?? Number.POSITIVE_INFINITY;
  const keep = { keepRequests, keepIds: options.keepIds ?? keepRequests, onChange: signal.changed };
  const finished = (isToken: boolean) => (request: ReceivedRequest) => options.onFinished?.(request, isToken);
  const parts: Parts = {
    name,
    signal,
    doorkeeper: createDoorkeeper(options.auth ?? { type: 'none' }, wallClock),
    deliveries: createRequestLog({ ...keep, onFinished: finished(false) }),
    tokenRequests: createRequestLog({ ...keep, onFinished: finished(true) }),
    replies: {
      delivery: options.script ?? AS_CONTRACTED,
      token: options.tokenScript ?? AS_CONTRACTED,
    },
  };
  const listener = await createListener((...arrival) => receive(parts, ...arrival), options);
  const scheme = options.tls === undefined ? 'http' : 'https';
  return present(parts, listener, `${scheme}://${reachableHost(options.address?.host)}:${listener.port}`);
}

/** All addresses of a machine are no address to send to; an IPv6 address stands in brackets in a URL. */
function reachableHost(host = '127.0.0.1'): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

interface Parts {
  readonly name: string;
  readonly signal: ChangeSignal;
  readonly doorkeeper: Doorkeeper;
  readonly deliveries: RequestLog;
  readonly tokenRequests: RequestLog;
  readonly replies: { delivery: Reply; token: Reply };
}

function receive(
  parts: Parts,
  message: IncomingMessage,
  response: ServerResponse,
  connection: Connection,
): void {
  const { doorkeeper, name } = parts;
  const at = performance.now();
  const path = message.url ?? '/';
  const tokenService = path === TOKEN_PATH ? doorkeeper.tokenService : undefined;
  const log = tokenService === undefined ? parts.deliveries : parts.tokenRequests;
  const onConnection = connection.requests;
  readBody(message, (body) => {
    const { method = '', headers } = message;
    const key = headers['idempotency-key'];
    const eventId = typeof key === 'string' ? key : undefined;
    const arrival = { company: name, method, path, headers, body, eventId, at, connection: connection.index };
    const request = log.arrived(arrival);
    if (tokenService !== undefined) {
      const seen = log.see(request, onConnection);
      const contracted = (): FullAnswer => tokenService.respond(request);
      reply(parts, { request, response, connection, log, contracted }, parts.replies.token, seen);
    } else if (doorkeeper.admits(headers)) {
      const seen = log.see(request, onConnection);
      const contracted = (): FullAnswer => contractedAnswer(request, log);
      reply(parts, { request, response, connection, log, contracted }, parts.replies.delivery, seen);
    } else {
      answer({ request, response, connection, log, contracted: unauthorized }, unauthorized());
    }
  });
}

function reply({ signal }: Parts, exchange: Exchange, by: Reply, seen: Seen): void {
  answerWith(exchange, () => ask(by, exchange.request, seen), signal.fail);
}

const DELIVERED: FullAnswer = { status: 200 };
const NEW_RECEIPT: FullAnswer = { status: 201 };
const UNAUTHORIZED: FullAnswer = { status: 401, body: '' };
const unauthorized = (): FullAnswer => UNAUTHORIZED;

/** Contract, part 1: 201 for a receipt that is new to the client, 200 for one that it already had. */
function contractedAnswer({ path, eventId }: ReceivedRequest, { accepted }: RequestLog): FullAnswer {
  const isReceipt = path.endsWith('/inventory_receipt');
  return isReceipt && (eventId === undefined || !accepted.has(eventId)) ? NEW_RECEIPT : DELIVERED;
}

function present(parts: Parts, listener: Listener, baseUrl: string): Company {
  const { name, signal, doorkeeper, deliveries, tokenRequests, replies } = parts;
  const tokenUrl = `${baseUrl}${TOKEN_PATH}`;
  const company: Company = {
    name,
    port: listener.port,
    baseUrl,
    tokenUrl,
    tokenService: doorkeeper.tokenService,
    requests: deliveries.requests,
    tokenRequests: tokenRequests.requests,
    deliveredIds: deliveries.accepted,
    tally: deliveries.tally,
    tokenTally: tokenRequests.tally,
    connections: listener,
    clientSettings: (changes) => ({
      baseUrl,
      endpoints: { disposition_update: '/dispositions', inventory_receipt: '/inventory_receipt' },
      auth: doorkeeper.configFor(tokenUrl),
      allowPrivateNetwork: true,
      ...changes,
    }),
    script: (next) => {
      replies.delivery = next;
    },
    tokenScript: (next) => {
      replies.token = next;
    },
    revokeTokens: () => doorkeeper.tokenService?.revokeAll(),
    waitFor: (what, waiting) => waitFor(company, signal, what, waiting?.timeoutMs ?? WAIT_MS),
    down: listener.stop,
    up: listener.start,
    close: async () => {
      await listener.stop();
      signal.fail(new Error(`company "${name}" was closed; ${describeSeen(company)}`));
    },
  };
  return company;
}

function waitFor(
  company: Company,
  signal: ChangeSignal,
  what: number | ((company: Company) => boolean),
  timeoutMs: number,
): Promise<void> {
  const isMet = typeof what === 'number' ? () => company.tally.received >= what : () => what(company);
  const sought = typeof what === 'number' ? `${what} deliveries` : 'a condition';
  return signal.until(
    isMet,
    timeoutMs,
    () => `waited ${timeoutMs} ms for ${sought}; ${describeSeen(company)}`,
  );
}
