import { createHash } from 'node:crypto';
import pRetry, { AbortError, type Options } from 'p-retry';
import type { IncidentChannel } from '../config/incidents-config.ts';
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
}

/** A channel that notices are posted to, one at a time. */
export class NoticeChannel {
  /** In Redis and logs: it tells nothing of the URL, which may be a secret, but the host. */
  readonly name: string;
  readonly #channel: IncidentChannel;
  readonly #retry: NoticeRetry;
  readonly #http: ClientHttp;

  constructor(channel: IncidentChannel, retry: NoticeRetry) {
    const { format, url, headers, timeoutMs, allowPrivateNetwork } = channel;
    // All teams have the same address at PagerDuty.
    const key = channel.format === 'pagerduty' ? channel.routingKey : '';
    const hash = createHash('sha256')
      .update(JSON.stringify([url, headers, key]))
      .digest('hex');
    this.name = `${format}:${new URL(url).host}:${hash.slice(0, 8)}`;
    this.#channel = channel;
    this.#retry = retry;
    this.#http = createClientHttp({ connections: 1, timeoutMs, allowPrivateNetwork });
  }

  /** Posts a notice, and repeats it if that may help. @throws the signal's reason */
  async send(notice: IncidentNotice, signal: AbortSignal): Promise<NoticeResult> {
    let tries = 0;
    try {
      const request = this.#requestOf(notice);
      const post = async (): Promise<void> => {
        tries += 1;
        throwIfRefused(await this.#http.post(request, signal));
      };
      await pRetry(post, { ...this.#retry, signal, unref: true });
      return { tries };
    } catch (error) {
      signal.throwIfAborted();
      // Not the message of another error: a library may quote the request there, secret included.
      const { name, message } = error as Error;
      return { tries, reason: error instanceof Refusal ? message : `could not be sent (${name})` };
    }
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

/** Why a channel did not take a notice. */
class Refusal extends Error {}

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
