import type { TlsOptions } from 'node:tls';
import type { z } from 'zod';
import type { clientConfigSchema } from '../config/client-config.ts';
import { EVENT_TYPES } from '../core/event-types.ts';
import { wallNow } from '../core/time.ts';
import { AS_CONTRACTED } from './answer.ts';
import { ChangeSignal } from './change-signal.ts';
import { type CompanyAuth, createAuthenticator } from './company-auth.ts';
import type { TokenService } from './company-token-service.ts';
import { type Address, Listener } from './listener.ts';
import { type ReceivedRequest, RequestLog, type Tally } from './request-log.ts';
import { type Responder, respond, TOKEN_PATH } from './respond.ts';
import type { Reply } from './scripts.ts';

/** A client as in `waybill.yaml`; `waybill docs config` has every setting, its unit and its default. */
export type ClientSettings = z.input<typeof clientConfigSchema>;

/** How a company begins; all of it optional, `script` and `tokenScript` can be changed while it runs. */
export interface CompanyOptions {
  /** What it does with deliveries; left out: what the contract says. */
  readonly script?: Reply;
  /** What it does with token requests; left out: what the contract says. */
  readonly tokenScript?: Reply;
  /** Left out: none. Other requests get a 401 with no body, and the script is not asked. */
  readonly auth?: CompanyAuth;
  /** Makes it speak HTTPS: what `node:tls` takes (`cert`, `key`, and `ca` with `requestCert` for client certificates). */
  readonly tls?: TlsOptions;
  /** How many requests and event ids it remembers at least; left out: all. Long runs need a bound. */
  readonly keepLatest?: number;
  /** … of event ids, if they are to be more than requests. */
  readonly keepIds?: number;
  /** Where it listens; left out: a free port of 127.0.0.1. */
  readonly address?: Address;
  /** Milliseconds since the epoch, for the time stamps of tokens; left out: the process's own clock. */
  readonly wallClock?: () => number;
  /** Called when a request has been answered, or its sender has left; `isToken`: it asked for a token. */
  onFinished?(request: ReceivedRequest, isToken: boolean): void;
}

const WAIT_MS = 30_000;

/**
 * Starts a company: an HTTP server that plays a client. Without a script it answers as the contract says: 200, or 201
 * for a receipt that is new.
 *
 * ```ts
 * const acme = await startCompany('acme', { script: (_request, { ofEvent }) => (ofEvent === 1 ? 503 : 200) });
 * const config = { clients: { acme: acme.clientSettings() } };
 * ```
 *
 * @param name what it is called in the errors of waits
 * @throws errors of the operating system, such as EADDRINUSE, if `address` cannot be listened on
 */
export async function startCompany(name: string, options: CompanyOptions = {}): Promise<Company> {
  const { auth = { type: 'none' }, wallClock = wallNow, script = AS_CONTRACTED } = options;
  const signal = new ChangeSignal();
  const keepRequests = options.keepLatest ?? Number.POSITIVE_INFINITY;
  const keep = { keepRequests, keepIds: options.keepIds ?? keepRequests, onChange: signal.changed };
  const finished = (isToken: boolean) => (request: ReceivedRequest) => options.onFinished?.(request, isToken);
  const responder: Responder = {
    company: name,
    authenticator: createAuthenticator(auth, wallClock),
    deliveries: new RequestLog({ ...keep, onFinished: finished(false) }),
    tokenRequests: new RequestLog({ ...keep, onFinished: finished(true) }),
    replies: { delivery: script, token: options.tokenScript ?? AS_CONTRACTED },
    onScriptError: signal.fail,
  };
  const listener = new Listener((...arrival) => respond(responder, ...arrival), options);
  await listener.start();
  const scheme = options.tls === undefined ? 'http' : 'https';
  const baseUrl = `${scheme}://${reachableHost(options.address?.host)}:${listener.port}`;
  return new Company(responder, signal, listener, baseUrl);
}

/** The wildcard address is no address to send to; URLs have IPv6 addresses in brackets. */
function reachableHost(host = '127.0.0.1'): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

/** A company that Waybill plays itself: an endpoint and a token service on a loopback port of its own. */
export class Company {
  readonly name: string;
  readonly port: number;
  /** Such as `http://127.0.0.1:40123`. */
  readonly baseUrl: string;
  readonly tokenUrl: string;
  /** Undefined: it does not offer OAuth 2. */
  readonly tokenService: TokenService | undefined;
  /** Deliveries in order of arrival, refused ones too. */
  readonly requests: readonly ReceivedRequest[];
  /** The same of requests for a token. */
  readonly tokenRequests: readonly ReceivedRequest[];
  /** `Idempotency-Key`s answered with a 2xx status; grows as deliveries come in. */
  readonly deliveredIds: ReadonlySet<string>;
  /** Counts over all deliveries. */
  readonly tally: Tally;
  readonly tokenTally: Tally;
  /** How many connections were opened so far, and are open. */
  readonly connections: Pick<Listener, 'opened' | 'open'>;
  readonly #responder: Responder;
  readonly #signal: ChangeSignal;
  readonly #listener: Listener;

  constructor(responder: Responder, signal: ChangeSignal, listener: Listener, baseUrl: string) {
    const { company, authenticator, deliveries, tokenRequests } = responder;
    this.name = company;
    this.port = listener.port;
    this.baseUrl = baseUrl;
    this.tokenUrl = `${baseUrl}${TOKEN_PATH}`;
    this.tokenService = authenticator.tokenService;
    this.requests = deliveries.requests;
    this.tokenRequests = tokenRequests.requests;
    this.deliveredIds = deliveries.accepted;
    this.tally = deliveries.tally;
    this.tokenTally = tokenRequests.tally;
    this.connections = listener;
    this.#responder = responder;
    this.#signal = signal;
    this.#listener = listener;
  }

  /** Ends its connections and refuses new ones. */
  down(): Promise<void> {
    return this.#listener.stop();
  }

  /** Listens again, on the same port. */
  up(): Promise<void> {
    return this.#listener.restart();
  }

  /** The client's entry for `waybill.yaml` that reaches this company and passes its authentication. */
  readonly clientSettings = (changes?: Partial<ClientSettings>): ClientSettings => ({
    baseUrl: this.baseUrl,
    endpoints: Object.fromEntries(EVENT_TYPES.map(({ name, path }) => [name, path])),
    auth: this.#responder.authenticator.configFor(this.tokenUrl),
    allowPrivateNetwork: true,
    ...changes,
  });

  /** Answers deliveries like this from the next one on. */
  script(reply: Reply): void {
    this.#responder.replies.delivery = reply;
  }

  /** Answers token requests like this from the next one on. */
  tokenScript(reply: Reply): void {
    this.#responder.replies.token = reply;
  }

  /** All tokens issued so far are answered with 401 from now on. */
  revokeTokens(): void {
    this.tokenService?.revokeAll();
  }

  /**
   * Resolves once this many deliveries have arrived, or once the condition holds; it is checked after each
   * arrival, answer and end of a request. Rejects with a `WaitTimeoutError` that says what was seen, after 30 s
   * unless told otherwise, or with the error of a script that threw.
   */
  waitFor(
    what: number | ((company: Company) => boolean),
    { timeoutMs = WAIT_MS }: { readonly timeoutMs?: number } = {},
  ): Promise<void> {
    const isMet = typeof what === 'number' ? () => this.tally.received >= what : () => what(this);
    const sought = typeof what === 'number' ? `${what} deliveries` : 'a condition';
    const describe = () => `waited ${timeoutMs} ms for ${sought}; ${describeSeen(this)}`;
    return this.#signal.until(isMet, timeoutMs, describe);
  }

  /** Ends for good; open waits reject. */
  readonly close = async (): Promise<void> => {
    await this.down();
    this.#signal.fail(new Error(`company "${this.name}" was closed; ${describeSeen(this)}`));
  };
}

/** What a company has received and answered, in a sentence: for the errors of waits. */
function describeSeen({ name, tally, tokenTally, connections, deliveredIds }: Company): string {
  return (
    `company "${name}" saw ${describeTally(tally, 'deliveries')} (${deliveredIds.size} events accepted), ` +
    `${describeTally(tokenTally, 'token requests')}, ${connections.open} of ${connections.opened} connections open`
  );
}

function describeTally({ received, byAnswer, inFlight }: Tally, what: string): string {
  const answers = [...byAnswer].map(([kind, times]) => `${kind} × ${times}`);
  if (inFlight > 0) answers.push(`under way × ${inFlight}`);
  return `${received} ${what}${answers.length > 0 ? ` [${answers.join(', ')}]` : ''}`;
}
