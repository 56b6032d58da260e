import { type EventTypeName, findEventType } from '../core/event-types.ts';
import { AS_CONTRACTED } from './answer.ts';
import { answerWithinCapacity, type Capacity, type CapacityOptions, createCapacity } from './capacity.ts';
import { type ClientSettings, startCompany } from './company.ts';
import { type ContractCheck, checkContract } from './contract-check.ts';
import type { Address } from './listener.ts';
import { ReceivedTotals, type RequestSummary } from './received-totals.ts';
import type { ReceivedRequest } from './request-log.ts';
import { type PromptScript, pathsOf, type SandboxScript, scriptedAnswers } from './sandbox-script.ts';

/** How a scripted client is started. */
export interface ScriptedClientOptions {
  readonly address: Address;
  /** How much it takes; left out: all that comes, at once. */
  readonly capacity?: CapacityOptions;
  /** Numbers in [0, 1), for the answers that come by chance. */
  random(): number;
  /** Milliseconds since the epoch, for the time stamps of tokens. */
  wallClock(): number;
  /** Called for each request once it is over. */
  onRequest(request: RequestSummary): void;
}

/** A client that answers by a script, and checks what it receives against the sender's contract. */
export interface ScriptedClient {
  readonly baseUrl: string;
  readonly totals: ReceivedTotals;
  /** The client's entry for `waybill.yaml`. */
  readonly clientSettings: ClientSettings;
  /** Undefined: it has no bound. */
  readonly capacity: Capacity | undefined;
  /** Closes the port and all connections; requests under way are in the totals. */
  close(): Promise<void>;
}

/** A day's burst; an id costs about 200 bytes. */
const KEEP_IDS = 100_000;
const KEEP_REQUESTS = 100;

/** Starts a client. @throws errors of the operating system, such as EADDRINUSE */
export async function startScriptedClient(
  script: SandboxScript,
  options: ScriptedClientOptions,
): Promise<ScriptedClient> {
  const { random, wallClock, address } = options;
  const totals = new ReceivedTotals(KEEP_IDS);
  const paths = pathsOf(script);
  const checked = createChecks(paths);
  const capacity = options.capacity && createCapacity(options.capacity, random);
  const answers = scriptOf(script, paths, random, checked);
  const company = await startCompany(
    'sandbox',
    {
      address,
      auth: script.auth,
      script: capacity ? answerWithinCapacity(capacity, () => performance.now(), answers) : answers,
      tokenScript: scriptedAnswers(script.token.answers, random),
      keepLatest: KEEP_REQUESTS,
      keepIds: KEEP_IDS,
      onFinished(request, isToken) {
        const { type, check }: Checked = isToken ? {} : checked(request);
        options.onRequest(totals.add(request, type, check));
      },
    },
    wallClock,
  );
  return {
    baseUrl: company.baseUrl,
    totals,
    clientSettings: company.clientSettings({ endpoints: paths }),
    capacity,
    close: company.close,
  };
}

interface Checked {
  readonly type?: EventTypeName;
  /** Absent: it is a token request. */
  readonly check?: ContractCheck;
}

/** Checks each request once, for its answer and for the totals. */
function createChecks(paths: Readonly<Record<EventTypeName, string>>): (request: ReceivedRequest) => Checked {
  const typeByPath = new Map(Object.entries(paths).map(([type, path]) => [path, type as EventTypeName]));
  const known = new WeakMap<ReceivedRequest, Checked>();
  return (request) => {
    const checked = known.get(request) ?? checkRequest(request, typeByPath);
    known.set(request, checked);
    return checked;
  };
}

function checkRequest(request: ReceivedRequest, typeByPath: ReadonlyMap<string, EventTypeName>): Checked {
  const type = typeByPath.get(request.path.split('?', 1)[0] ?? '');
  if (type === undefined) return { check: checkContract(request, undefined) };
  return { type, check: checkContract(request, findEventType(type)) };
}

/** The answers of each endpoint; if its script leaves them open, those of the contract. */
function scriptOf(
  script: SandboxScript,
  paths: Readonly<Record<EventTypeName, string>>,
  random: () => number,
  checked: (request: ReceivedRequest) => Checked,
): PromptScript {
  const asContracted: PromptScript = (request, history) => {
    const { type, check } = checked(request);
    if (check?.refusal !== undefined) return check.refusal;
    const already = type === undefined ? undefined : findEventType(type)?.alreadyReceivedStatus;
    if (already === undefined) return AS_CONTRACTED;
    return history.accepted ? already : 201;
  };
  const types = Object.keys(paths) as EventTypeName[];
  const replies = new Map(
    types.map((type) => [type, scriptedAnswers(script.endpoints[type]?.answers ?? [], random, asContracted)]),
  );
  return (request, history) => {
    const { type } = checked(request);
    return ((type && replies.get(type)) ?? asContracted)(request, history);
  };
}
