import type { TokenRedis } from '../../auth/token-store.ts';
import type { Config, ResolvedClient } from '../../config/config-schema.ts';
import { findEventType } from '../../core/event-types.ts';
import type { Post } from '../../delivery/make-attempt.ts';
import { createIdSource } from '../../intake/id-source.ts';
import { toNewEvent } from '../../intake/new-event.ts';
import { type LoadSender, openDirectSender } from '../../loadtest/senders/direct-sender.ts';
import { openOperator } from '../open-operator.ts';
import { withProgress } from '../progress.ts';
import { oneLine, shortSpan } from '../terminal.ts';
import { forEachClient } from './check-clients.ts';
import { type CheckFinding, type Remark, remark } from './finding.ts';

/** The header that marks the request of a sample event; its unit begins so, too. */
const CHECK_HEADER = 'X-Waybill-Check';
const UNIT_PREFIX = 'waybill-check-';
/** What is kept of an answer, and what of it is shown. */
const KEPT_BYTES = 2_048;
const SHOWN_LENGTH = 200;
const KEEP_ALIVE_MS = 60_000;

/** What a sample event came to. */
interface SampleSent {
  readonly client: string;
  readonly type: string;
  /** The event's id: the `Idempotency-Key` of its request. */
  readonly event: string;
  readonly unit: string;
  /** 0: there was no status. */
  readonly status: number;
  /** null: it was delivered. */
  readonly class: string | null;
  readonly ms: number;
  /** The start of the answer, without secrets, or why there was none. */
  readonly answer: string;
}

const newId = createIdSource();

/**
 * Delivers a sample event to each endpoint of a client, once, by the attempt of a delivery and not through the queue.
 *
 * @param redis where the service keeps its tokens: with it, its own stay good
 * @throws WaybillError `TLS_SETTINGS_INVALID`, `AUTH_CONFIG_INVALID`
 */
async function sendSamples(
  client: ResolvedClient,
  redis: TokenRedis | undefined,
  secretKey: string | undefined,
): Promise<SampleSent[]> {
  const endpoints = Object.values(client.endpoints);
  const sender = openDirectSender({
    client,
    runId: newId(),
    maxInFlight: endpoints.length,
    redis,
    secretKey,
    around: markSample,
    onTokenRequest: () => {},
  });
  // The timers of a token request do not keep a process from ending.
  const alive = setInterval(() => {}, KEEP_ALIVE_MS);
  try {
    const sent = endpoints.map(({ type }) => sendSample(sender, client.name, type));
    return (await Promise.all(sent)).flat();
  } finally {
    clearInterval(alive);
    await sender.close();
  }
}

/**
 * Sends samples to clients, many side by side.
 *
 * @param isUnreachable names the clients for which trying would only say the same again
 */
export async function sendToClients(
  config: Config,
  clients: readonly ResolvedClient[],
  isUnreachable: (client: string) => boolean,
): Promise<{ readonly findings: CheckFinding[]; readonly samples: readonly SampleSent[] }> {
  const samples: SampleSent[] = [];
  // Without Redis tokens are not shared, and the check of Redis says why.
  const operator = await openOperator(config.file).catch(() => undefined);
  try {
    const findings = await withProgress('clients sent to', clients.length, (update) =>
      forEachClient(clients, update, async (client) => {
        if (isUnreachable(client.name)) return [remark('note', NOT_SENT, 'not_sent')];
        const sent = await sendSamples(client, operator?.redis, config.secretKey);
        samples.push(...sent);
        return sent.map(describeSample);
      }),
    );
    return { findings, samples };
  } finally {
    await operator?.close();
  }
}

const NOT_SENT = 'no sample event was sent: see the errors';

/** The event's id is in its `Idempotency-Key`; the mark alone says that it is a sample. */
function markSample(post: Post): Post {
  return (request, signal) => {
    const headers = [...request.headers, CHECK_HEADER, 'sample'];
    return post({ ...request, headers, keepBodyBytes: KEPT_BYTES }, signal);
  };
}

async function sendSample({ send }: LoadSender, client: string, type: string): Promise<SampleSent[]> {
  const sample = sampleOf(type);
  const began = performance.now();
  const made = sample && (await send(sample));
  // Nobody calls it off.
  if (sample === undefined || made === undefined) return [];
  const { classification, tokenMs } = made;
  const ms = performance.now() - began - tokenMs;
  return [
    {
      ...{ client, type, event: sample.id, unit: sample.unit, status: classification.status, ms },
      class: classification.kind === 'failed' ? classification.failureClass : null,
      answer: classification.response ?? '',
    },
  ];
}

function sampleOf(name: string) {
  const type = findEventType(name);
  if (type === undefined) return undefined;
  const id = newId();
  const sample = type.sample as object;
  const payload = {
    ...sample,
    [type.unitField]: `${UNIT_PREFIX}${id}`,
    ...('timestamp' in sample ? { timestamp: new Date().toISOString() } : {}),
  };
  const made = toNewEvent(type, { payload, source: undefined, keyOf: undefined }, () => id);
  return 'event' in made ? made.event : undefined;
}

/** What a status mostly means, for who has to mend it. */
const MEANINGS: Readonly<Record<number, string>> = {
  400: 'it does not take this payload; that may be right for a unit that it does not know',
  401: 'it does not accept the credentials: check auth',
  403: 'it does not allow the request: a permission, an address list, or a key of its gateway is missing',
  404: 'there is nothing at this path: check baseUrl and the path of the endpoint',
  405: 'it takes no POST at this path: check the path of the endpoint',
  407: 'a proxy wants credentials',
  409: 'it does not take this payload; that may be right for a unit that it does not know',
  410: 'there is nothing at this path any more: check baseUrl and the path of the endpoint',
  411: 'it wants a Content-Length, which the request has: something in between takes it away',
  413: 'the request is too large for it',
  415: 'it wants another Content-Type',
  422: 'it does not take this payload; that may be right for a unit that it does not know',
  429: 'it is sent more than it wants: ask for its limit, and set ratePerSecond',
};
/** A made-up unit may be refused by an endpoint that is well. */
const MAY_BE_RIGHT: ReadonlySet<number> = new Set([400, 409, 422]);

/** Says what a sample event came to. */
function describeSample({ type, status, class: failure, ms, answer }: SampleSent): Remark {
  const begins = answer === '' ? '' : `: ${oneLine(answer).slice(0, SHOWN_LENGTH)}`;
  if (status === 0) {
    const what = failure === 'token' ? 'was not sent' : 'has no answer';
    return remark('error', `a sample event for ${type} ${what}${begins}`, failure ?? undefined);
  }
  const told = `the endpoint for ${type} answered a sample event with ${status} in ${shortSpan(ms)}`;
  if (failure === null) {
    if (status !== findEventType(type)?.alreadyReceivedStatus) return remark('ok', `${told}${begins}`);
    const means = `${status} says that it had the unit already, which is new`;
    return remark('note', `${told}, and ${means}: 201 says so${begins}`, 'receipts');
  }
  const level = MAY_BE_RIGHT.has(status) ? 'warning' : 'error';
  return remark(level, `${told}, ${meaningOf(status)}${begins}`, failure);
}

function meaningOf(status: number): string {
  const known = MEANINGS[status];
  if (known !== undefined) return known;
  if (status < 400) return 'a redirect, which is not followed: set the URL that it leads to';
  return status < 500 ? 'which refuses it' : 'which says that it fails';
}
