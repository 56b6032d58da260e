import { type EventTypeName, findEventType } from '../core/event-types.ts';
import { AS_CONTRACTED } from './answer.ts';
import { type Capacity, type CapacityOptions, createCapacity } from './capacity.ts';
import { type ClientSettings, type Company, startCompany } from './company.ts';
import { type ContractCheck, checkContract } from './contract-check.ts';
import { limitedAnswers } from './limited-answers.ts';
import type { Address } from './listener.ts';
import { createPlayAccount, type PlayAccount, type PlayedRequest } from './play-account.ts';
import type { ReceivedRequest } from './received-request.ts';
import { pathsOf, type SandboxScript } from './sandbox-script.ts';
import { type PromptScript, scriptedAnswers } from './scripted-answers.ts';

/** How a script is played. */
export interface PlayOptions {
  readonly address: Address;
  /** How much it takes; left out: whatever comes, at once. */
  readonly capacity?: CapacityOptions;
  /** Numbers in [0, 1), for the answers that come by chance. */
  random(): number;
  /** Milliseconds since the epoch, for the time stamps of tokens. */
  wallClock(): number;
  /** Called for each request once it is over. */
  onRequest(request: PlayedRequest): void;
}

/** A client that plays a script, and checks what it receives against the sender's contract. */
export interface Play {
  readonly baseUrl: string;
  readonly account: PlayAccount;
  /** The client's entry for `waybill.yaml`. */
  readonly clientSettings: ClientSettings;
  /** Where it has one. */
  readonly capacity: Capacity | undefined;
  /** Closes the port and all connections; what was under way is accounted for. */
  close(): Promise<void>;
}

/** A day's burst; an id costs about 200 bytes. */
const KEEP_IDS = 100_000;
const KEEP_REQUESTS = 100;

/** Starts to play a script. @throws errors of the operating system where the address is taken or is not its own */
export async function startPlay(script: SandboxScript, options: PlayOptions): Promise<Play> {
  const { random, wallClock, address } = options;
  const account = createPlayAccount(KEEP_IDS);
  const paths = pathsOf(script);
  const checks = createChecks(paths);
  const capacity = options.capacity && createCapacity(options.capacity, random);
  const answers = scriptOf(script, paths, random, checks);
  const company: Company = await startCompany(
    'sandbox',
    {
      address,
      auth: script.auth,
      script: capacity ? limitedAnswers(capacity, () => performance.now(), answers) : answers,
      tokenScript: scriptedAnswers(script.token.answers, random),
      keepLatest: KEEP_REQUESTS,
      keepIds: KEEP_IDS,
      onFinished(request, isToken) {
        const { type, check } = isToken ? NO_CHECK : checks.of(request);
        options.onRequest(account.take(request, type, check));
      },
    },
    wallClock,
  );
  return {
    baseUrl: company.baseUrl,
    account,
    clientSettings: company.clientSettings({ endpoints: paths }),
    capacity,
    close: company.close,
  };
}

interface Checked {
  readonly type: EventTypeName | undefined;
  readonly check: ContractCheck | undefined;
}

const NO_CHECK: Checked = { type: undefined, check: undefined };

/** Each request is checked once: its answer may depend on it, and the account does. */
function createChecks(paths: Readonly<Record<EventTypeName, string>>) {
  const typeByPath = new Map(Object.entries(paths).map(([type, path]) => [path, type as EventTypeName]));
  const known = new WeakMap<ReceivedRequest, Checked>();
  return {
    of(request: ReceivedRequest): Checked {
      let checked = known.get(request);
      if (checked === undefined) {
        const type = typeByPath.get(request.path.split('?', 1)[0] ?? '');
        checked = {
          type,
          check: checkContract(request, type === undefined ? undefined : findEventType(type)),
        };
        known.set(request, checked);
      }
      return checked;
    },
  };
}

/** The answers of each endpoint; where they leave it open, what a client with good manners says. */
function scriptOf(
  script: SandboxScript,
  paths: Readonly<Record<EventTypeName, string>>,
  random: () => number,
  checks: ReturnType<typeof createChecks>,
): PromptScript {
  const byManners: PromptScript = (request, seen) => {
    const { type, check } = checks.of(request);
    if (check?.refusal !== undefined) return check.refusal;
    const already = type === undefined ? undefined : findEventType(type)?.alreadyReceivedStatus;
    if (already === undefined) return AS_CONTRACTED;
    return seen.accepted ? already : 201;
  };
  const types = Object.keys(paths) as EventTypeName[];
  const replies = new Map(
    types.map((type) => [type, scriptedAnswers(script.endpoints[type]?.answers ?? [], random, byManners)]),
  );
  return (request, seen) => {
    const { type } = checks.of(request);
    return ((type && replies.get(type)) ?? byManners)(request, seen);
  };
}
