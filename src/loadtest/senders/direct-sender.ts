import { Authorizers } from '../../auth/authorizers.ts';
import type { TokenRedis } from '../../auth/token-store.ts';
import type { ResolvedClient } from '../../config/config-schema.ts';
import { CallOff, type CallOffSignal } from '../../core/call-off.ts';
import type { StoredEvent } from '../../core/event.ts';
import { type AttemptParts, countWithheld, createAttempt, type Post } from '../../delivery/make-attempt.ts';
import { openClientParts } from '../../service/client-parts.ts';
import { VERSION } from '../../version.ts';
import type { SendEvent } from '../generator.ts';

/** The header that marks requests of a load test; a client's settings cannot name it. */
const LOADTEST_HEADER = 'X-Waybill-Loadtest';

/** A way of sending events to one client, as the engine sends them. */
export interface LoadSender {
  readonly send: SendEvent;
  /** Calls off what is in flight, which counts as neither delivered nor failed. */
  callOff(): void;
  close(): Promise<void>;
}

/** What a sender is made with. */
export interface LoadSenderOptions {
  readonly client: ResolvedClient;
  readonly runId: string;
  /** Requests in flight at most: each has a connection of its own. */
  readonly maxInFlight: number;
  /** Where the engine keeps its tokens: with it, a test does not void the engine's own. */
  readonly redis: TokenRedis | undefined;
  readonly secretKey: string | undefined;
  /** Sends each request, instead of with the mark of the run; of the direct way only. */
  readonly around?: (post: Post) => Post;

  /** Milliseconds since the epoch, for the time of a signature. */
  now(): number;
  /** Told of each request for a token, and how long it took in milliseconds. */
  onTokenRequest(ms: number): void;
}

/**
 * Opens the direct way: the engine's own connections, authorization, signature and attempt, without its queue.
 *
 * @throws WaybillError `TLS_SETTINGS_INVALID`, `AUTH_CONFIG_INVALID`
 */
export function openDirectSender(options: LoadSenderOptions): LoadSender {
  const { client, runId, maxInFlight, redis, secretKey, now, around = markedBy(runId) } = options;
  const authorizers = new Authorizers({ redis, secretKey });
  const { attempt: common, close } = openClientParts(client, maxInFlight, authorizers, {
    onTokenRequest: (ms) => options.onTokenRequest(ms),
  });
  const monotonicNow = (): number => performance.now();
  const parts = { ...common, userAgent: `waybill/${VERSION}`, now, monotonicNow };
  const callOff = new CallOff();
  const endpoints = Object.values(client.endpoints).map(({ type, url, timeoutMs, ...endpoint }) => {
    const { headers = [], secretHeaders = [] } = endpoint;
    const attempt = measure({ ...parts, post: around(parts.post), timeoutMs, headers, secretHeaders });
    return [type, (event: StoredEvent) => attempt(event, url, callOff)] as const;
  });
  const sends = new Map(endpoints);
  return {
    send: async (event) => sends.get(event.type)?.(event),
    callOff: () => callOff.abort(),
    async close() {
      await authorizers.close();
      await close();
    },
  };
}

/** Attempts as the engine makes them, each request marked with the run that it is of. `tokenMs`: the wait for a token */
export function measuredAttempts(parts: AttemptParts, runId: string) {
  return measure({ ...parts, post: markedBy(runId)(parts.post) });
}

function markedBy(runId: string): (post: Post) => Post {
  return (post) => (request, called) =>
    post({ ...request, headers: [...request.headers, LOADTEST_HEADER, runId] }, called);
}

function measure(parts: AttemptParts) {
  const attempt = createAttempt(parts);
  return async (event: StoredEvent, url: string, signal: CallOffSignal) => {
    const began = performance.now();
    const made = await attempt(event, url, signal);
    if ('calledOff' in made) return undefined;
    // A load test waits for nothing: it measures that the event was not sent.
    const attempted = 'withheld' in made ? countWithheld(made) : made;
    const ms = performance.now() - began;
    // An attempt counts the time of its requests alone: the remainder is the wait for a token.
    return { ...attempted, ms, tokenMs: Math.max(0, ms - attempted.ms) };
  };
}
