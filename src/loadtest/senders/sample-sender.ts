import type { TokenRedis } from '../../auth/token-store.ts';
import type { ResolvedClient } from '../../config/config-schema.ts';
import type { StoredEvent } from '../../core/event.ts';
import { withUnit } from '../../core/event-type.ts';
import { findEventType } from '../../core/event-types.ts';
import { keepProcessAlive } from '../../core/time.ts';
import type { Post } from '../../delivery/make-attempt.ts';
import { createIdSource } from '../../intake/id-source.ts';
import { toNewEvent } from '../../intake/new-event.ts';
import { openDirectSender } from './direct-sender.ts';

/** The header that marks the request of a sample event; its unit begins so, too. */
const CHECK_HEADER = 'X-Waybill-Check';
const UNIT_PREFIX = 'waybill-check-';
/** What is kept of an answer. */
const KEPT_BYTES = 2_048;

/** What a sample event came to. */
export interface SampleSent {
  readonly client: string;
  readonly type: string;
  /** The event's id: the `Idempotency-Key` of its request. */
  readonly event: string;
  readonly unit: string;
  /** 0: there was no status. */
  readonly status: number;
  /** null: it was delivered. */
  readonly class: string | null;
  /** Whether it was delivered to what answers with a web page, as a login does. */
  readonly isWebPage?: true;
  readonly ms: number;
  /** The start of the answer, without secrets, or why there was none. */
  readonly answer: string;
}

/** What samples are sent with. */
export interface SampleOptions {
  readonly client: ResolvedClient;
  /** Where the service keeps its tokens: with it, they stay good. */
  readonly redis: TokenRedis | undefined;
  readonly secretKey: string | undefined;
  /** Milliseconds since the epoch: what the samples have for a time, and their signatures. */
  now(): number;
}

const newId = createIdSource();

/**
 * Delivers a sample event to each endpoint of a client, once, by the attempt of a delivery and not through the queue.
 *
 * @throws WaybillError `TLS_SETTINGS_INVALID`, `AUTH_CONFIG_INVALID`, `HTTP_REQUEST_INVALID`
 */
export async function sendSamples({ client, now, ...options }: SampleOptions): Promise<SampleSent[]> {
  const samples = Object.keys(client.endpoints).flatMap((type) => sampleOf(type, now()) ?? []);
  const { send, close } = openDirectSender({
    ...{ ...options, client, maxInFlight: samples.length, runId: newId(), now, around: markSample },
    onTokenRequest: () => {},
  });
  // The timers of a token request do not keep a process from ending.
  const letEnd = keepProcessAlive();
  try {
    const sent = samples.map(async (sample): Promise<SampleSent[]> => {
      const began = performance.now();
      const made = await send(sample);
      // Nobody calls it off.
      if (made === undefined) return [];
      const { classification, tokenMs } = made;
      const ms = performance.now() - began - tokenMs;
      const isFailed = classification.kind === 'failed';
      const failureClass = isFailed ? classification.failureClass : null;
      const page = !isFailed && classification.isWebPage ? { isWebPage: true as const } : {};
      const { id: event, type, unit } = sample;
      const came = { status: classification.status, class: failureClass, ...page, ms };
      return [{ client: client.name, type, event, unit, ...came, answer: classification.response ?? '' }];
    });
    return (await Promise.all(sent)).flat();
  } finally {
    letEnd();
    await close();
  }
}

/** The event's id is in its `Idempotency-Key`; the mark alone says that it is a sample. */
function markSample(post: Post): Post {
  return (request, signal) => {
    const headers = [...request.headers, CHECK_HEADER, 'sample'];
    return post({ ...request, headers, keepBodyBytes: KEPT_BYTES }, signal);
  };
}

function sampleOf(name: string, now: number): StoredEvent | undefined {
  const type = findEventType(name);
  if (type === undefined) return undefined;
  const id = newId();
  const sample = withUnit(type, type.sample, `${UNIT_PREFIX}${id}`);
  const time = 'timestamp' in sample ? { timestamp: new Date(now).toISOString() } : {};
  const payload = { ...sample, ...time };
  const made = toNewEvent(type, { payload, source: undefined, keyOf: undefined }, () => id);
  return 'event' in made ? made.event : undefined;
}
