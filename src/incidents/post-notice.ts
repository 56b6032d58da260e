import { createHash } from 'node:crypto';
import pRetry from 'p-retry';
import type { IncidentChannel } from '../config/incidents-config.ts';
import type { AttemptResult } from '../core/attempt-result.ts';
import type { CallOffSignal } from '../core/call-off.ts';
import type { IncidentNotice } from '../core/incident.ts';
import { noticeBody } from './notice-body.ts';

/** One POST; never rejects for what the other side does. */
export type PostNotice = (
  request: { readonly url: string; readonly headers: readonly string[]; readonly body: string },
  signal: CallOffSignal,
) => Promise<AttemptResult>;

/** What became of a notice; `failure` is a part of a sentence without secrets. */
export type NoticeResult =
  | { readonly kind: 'sent'; readonly tries: number }
  | { readonly kind: 'given_up'; readonly tries: number; readonly failure: string }
  | { readonly kind: 'aborted' };

/** When a notice is tried again; durations in milliseconds. */
export interface NoticeRetry {
  readonly retries: number;
  readonly minTimeoutMs: number;
  readonly maxTimeoutMs: number;
}

/** Ten tries within six minutes, and what they take themselves. */
export const NOTICE_RETRY: NoticeRetry = { retries: 9, minTimeoutMs: 1_000, maxTimeoutMs: 120_000 };

/** The name of a channel in Redis and logs: it tells nothing of its URL, which may be a secret, but the host. */
export function channelName(channel: IncidentChannel): string {
  const { format, url, headers } = channel;
  // All teams have the same address there.
  const key = channel.format === 'pagerduty' ? channel.routingKey : '';
  const hash = createHash('sha256')
    .update(JSON.stringify([url, headers, key]))
    .digest('hex')
    .slice(0, 8);
  return `${format}:${new URL(url).host}:${hash}`;
}

/** Sends a notice to a channel, and repeats it if that may help, until the channel takes it. Never rejects. */
export async function postNotice(
  channel: IncidentChannel,
  notice: IncidentNotice,
  {
    post,
    retry,
    signal,
  }: { readonly post: PostNotice; readonly retry: NoticeRetry; readonly signal: AbortSignal },
): Promise<NoticeResult> {
  const { contentType, body } = noticeBody(channel, notice);
  const own = Object.entries(channel.headers).flat();
  const headers = ['Content-Type', contentType, 'Idempotency-Key', notice.id, ...own];
  let tries = 0;
  let failure = '';
  const tryOnce = async (): Promise<boolean> => {
    tries += 1;
    const result = await post({ url: channel.url, headers, body }, signal);
    if (result.kind === 'answer' && result.status >= 200 && result.status < 300) return true;
    failure = describe(result);
    if (isWorthAnotherTry(result)) throw new WorthAnotherTry();
    return false;
  };
  try {
    const taken = await pRetry(tryOnce, {
      retries: retry.retries,
      minTimeout: retry.minTimeoutMs,
      maxTimeout: retry.maxTimeoutMs,
      factor: 2,
      signal,
      unref: true,
    });
    if (taken) return { kind: 'sent', tries };
  } catch (error) {
    if (!signal.aborted && !(error instanceof WorthAnotherTry))
      failure = `could not be sent (${nameOf(error)})`;
  }
  return signal.aborted ? { kind: 'aborted' } : { kind: 'given_up', tries, failure };
}

/** Thrown for p-retry alone, which retries what throws; never leaves this file. */
class WorthAnotherTry extends Error {}

/** Another 4xx says that the request itself is wrong: a webhook that is gone, a key that is not known. */
function isWorthAnotherTry(result: AttemptResult): boolean {
  if (result.kind !== 'answer') return true;
  return result.status >= 500 || result.status === 429 || result.status === 408;
}

/** Not the answer's body: it may repeat what it was sent. */
function describe(result: AttemptResult): string {
  if (result.kind === 'answer') return `answered ${result.status}`;
  return result.kind === 'aborted' ? 'was called off' : result.detail;
}

/** Not its message: a library may quote the request there, secret included. */
function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : 'unknown';
}
