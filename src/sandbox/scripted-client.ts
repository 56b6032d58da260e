import type { EventType } from '../core/event-type.ts';
import { EVENT_TYPES, type EventTypeName } from '../core/event-types.ts';
import { answerWithinCapacity, Capacity, type CapacityOptions } from './capacity.ts';
import { type ClientSettings, type Company, startCompany } from './company.ts';
import { type ContractCheck, checkContract } from './contract-check.ts';
import type { Address } from './listener.ts';
import { ReceivedTotals, type RequestSummary } from './received-totals.ts';
import type { ReceivedRequest } from './request-log.ts';
import { statusFor } from './respond.ts';
import { type PromptScript, pathsOf, type SandboxScript, scriptedAnswers } from './sandbox-script.ts';
import type { KeyPair } from './self-signed.ts';

/** How a scripted client is started. */
export interface ScriptedClientOptions {
  readonly address: Address;
  /** How much it takes; left out: all that comes, at once. */
  readonly capacity?: CapacityOptions;
  /** Makes it speak HTTPS. */
  readonly tls?: KeyPair;
  /** Numbers in [0, 1), for the answers that come by chance. */
  random(): number;
  /** Milliseconds since the epoch, for the time stamps of tokens. */
  wallClock(): number;
  /** Called for each request once it is over. */
  onRequest(request: RequestSummary): void;
}

/** A client that answers by a script, and checks what it receives against the sender's contract. */
export interface ScriptedClient extends Pick<Company, 'baseUrl' | 'close'> {
  readonly totals: ReceivedTotals;
  /** The client's entry for `waybill.yaml`. */
  readonly clientSettings: ClientSettings;
  /** Undefined: it has no bound. */
  readonly capacity: Capacity | undefined;
}

/** A day's burst; an id costs about 200 bytes. */
const KEEP_IDS = 100_000;
const KEEP_REQUESTS = 100;

/** Starts a client. @throws errors of the operating system, such as EADDRINUSE */
export async function startScriptedClient(
  script: SandboxScript,
  options: ScriptedClientOptions,
): Promise<ScriptedClient> {
  const { random, wallClock, address, tls, onRequest } = options;
  const totals = new ReceivedTotals(KEEP_IDS);
  const paths = pathsOf(script);
  const check = createCheck(paths);
  const capacity = options.capacity && new Capacity(options.capacity, random);
  const answers = answersOf(script, random, check);
  const company = await startCompany('sandbox', {
    ...{ address, wallClock, auth: script.auth, keepLatest: KEEP_REQUESTS, keepIds: KEEP_IDS },
    ...(tls && { tls }),
    script: capacity ? answerWithinCapacity(capacity, answers) : answers,
    tokenScript: scriptedAnswers(script.token.answers, random),
    onFinished: (request, isToken) => onRequest(totals.add(request, isToken ? undefined : check(request))),
  });
  const { baseUrl, close } = company;
  return { baseUrl, totals, clientSettings: company.clientSettings({ endpoints: paths }), capacity, close };
}

type Check = (request: ReceivedRequest) => ContractCheck;

/** Checks each request once, for its answer and for the totals. */
function createCheck(paths: Readonly<Record<EventTypeName, string>>): Check {
  const typeByPath = new Map<string, EventType>(EVENT_TYPES.map((type) => [paths[type.name], type]));
  const checks = new WeakMap<ReceivedRequest, ContractCheck>();
  return (request) => {
    const type = typeByPath.get(request.path.split('?', 1)[0] ?? '');
    const check = checks.get(request) ?? checkContract(request, type);
    checks.set(request, check);
    return check;
  };
}

/** The answers of each endpoint; if its script leaves them open, those of the contract. */
function answersOf({ endpoints }: SandboxScript, random: () => number, check: Check): PromptScript {
  const asContracted: PromptScript = (request, history) => {
    const { type, refusal } = check(request);
    return refusal ?? statusFor(type, history.accepted);
  };
  const answers = (type: (typeof EVENT_TYPES)[number]) =>
    scriptedAnswers(endpoints[type.name]?.answers ?? [], random, asContracted, [type]);
  const replies = new Map<string | undefined, PromptScript>(
    EVENT_TYPES.map((type) => [type.name, answers(type)]),
  );
  return (request, history) => (replies.get(check(request).type?.name) ?? asContracted)(request, history);
}
