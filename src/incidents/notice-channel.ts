import { createHash } from 'node:crypto';
import pRetry, { AbortError, type Options } from 'p-retry';
import type { HttpChannel } from '../config/incidents-config.ts';
import type { AttemptResult } from '../core/attempt-result.ts';
import type { IncidentNotice } from '../core/incident.ts';
import { type ClientHttp, createClientHttp } from '../http/client-http.ts';
import { VERSION } from '../version.ts';
import { noticeBody } from './notice-body.ts';

/** When a notice is tried again; durations in milliseconds. */
export type NoticeRetry = Pick<Options, 'retries' | 'minTimeout' | 'maxTimeout'>;

/** Ten tries within six minutes, and what they take themselves. */
export const NOTICE_RETRY: NoticeRetry = { retries: 9, minTimeout: 1_000, maxTimeout: 120_000 };

/** After how many tries a channel took a notice, or why it did not: a part of a sentence without secrets. */
export interface NoticeResult {
  readonly tries: number;
  readonly reason?: string;
  /** An error's, if it has one that is documented. */
  readonly code?: string;
}

/** A channel that notices are sent to, one at a time. */
export interface NoticeChannel {
  /** In Redis and logs. */
  readonly name: string;
  /** The client whose incidents it is told of; absent: all. */
  readonly client?: string;
  /** Sends a notice, and repeats it if that may help. @throws the signal's reason */
  send(notice: IncidentNotice, signal: AbortSignal): Promise<NoticeResult>;
  close(): Promise<void>;
}

/** A channel that notices are posted to. */
export class HttpNoticeChannel implements NoticeChannel {
  /** It tells nothing of the URL, which may be a secret, but the host. */
  readonly name: string;
  readonly #channel: HttpChannel;
  readonly #retry: NoticeRetry;
  readonly #http: ClientHttp;

  constructor(channel: HttpChannel, retry: NoticeRetry) {
    const { format, url, headers, timeoutMs, allowPrivateNetwork } = channel;
    // All teams have the same address at PagerDuty.
    const key = channel.format === 'pagerduty' ? channel.routingKey : '';
    this.name = channelName(format, new URL(url).host, [url, headers, key]);
    this.#channel = channel;
    this.#retry = retry;
    this.#http = createClientHttp({ connections: 1, timeoutMs, allowPrivateNetwork });
  }

  send(notice: IncidentNotice, signal: AbortSignal): Promise<NoticeResult> {
    const post = async (): Promise<void> =>
      throwIfRefused(await this.#http.post(this.#requestOf(notice), signal));
    return sendUntilTaken(post, this.#retry, signal);
  }

  #requestOf(notice: IncidentNotice) {
    const { url, headers } = this.#channel;
    const { contentType, body } = noticeBody(this.#channel, notice);
    const all = {
      'User-Agent': `waybill/${VERSION}`,
      'Content-Type': contentType,
      'Idempotency-Key': notice.id,
      ...headers,
    };
    return { url, headers: Object.entries(all).flat(), body };
  }

  close(): Promise<void> {
    return this.#http.close();
  }
}

/** The name of a channel: `facts` are what makes it another one, and may be secret. */
export function channelName(kind: string, host: string, facts: readonly unknown[]): string {
  const hash = createHash('sha256').update(JSON.stringify(facts)).digest('hex');
  return `${kind}:${host}:${hash.slice(0, 8)}`;
}

/** Why a channel did not take a notice. */
export class Refusal extends Error {
  readonly code: string | undefined;

  constructor(message: string, code?: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Does something that sends a notice, again and again until it is done.
 *
 * @param once rejects with a Refusal, or with an AbortError if it is not worth a repetition
 * @throws the signal's reason
 */
export async function sendUntilTaken(
  once: () => Promise<void>,
  retry: NoticeRetry,
  signal: AbortSignal,
): Promise<NoticeResult> {
  let tries = 0;
  try {
    const send = (): Promise<void> => {
      tries += 1;
      return once();
    };
    await pRetry(send, { ...retry, signal, unref: true });
    return { tries };
  } catch (error) {
    signal.throwIfAborted();
    // Not the message of another error: a library may quote the request there, secret included.
    if (!(error instanceof Refusal)) return { tries, reason: `could not be sent (${(error as Error).name})` };
    const { message: reason, code } = error;
    return code === undefined ? { tries, reason } : { tries, reason, code };
  }
}

/** The message has nothing of the answer's body: it may repeat what it was sent. */
function throwIfRefused(result: AttemptResult): void {
  if (result.kind !== 'answer') {
    throw new Refusal(result.kind === 'aborted' ? 'was called off' : result.detail);
  }
  const { status } = result;
  if (status >= 200 && status < 300) return;
  const refusal = new Refusal(`answered ${status}`);
  // Another 4xx says that the request itself is wrong: a webhook that is gone, a key that is not known.
  throw status >= 500 || status === 429 || status === 408 ? refusal : new AbortError(refusal);
}
