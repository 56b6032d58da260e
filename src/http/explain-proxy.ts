import type { NoAnswer, ProxyAway, Unsent } from '../core/attempt-result.ts';
import { codeOf, describeFailure, explainError } from './describe-failure.ts';
import type { ProxyFailure, ProxyWait } from './tunnel.ts';

/** 407 is the proxy's (RFC 9110, section 15.5.8); tinyproxy answers 401 to a wrong password. */
const REFUSES_CREDENTIALS: ReadonlySet<number> = new Set([401, 407]);

/** What a request comes to if there is no tunnel for it. */
export function explainProxy({ wait, status, reason, cause }: ProxyFailure): ProxyAway | Unsent {
  const { step, proxy, target } = wait;
  const why = cause instanceof Error ? explainError(cause) : undefined;
  if (step === 'proxy' && why !== undefined) {
    return away('proxy', 0, describeFailure(why, `proxy ${proxy}`, 0, 'connecting'));
  }
  // By these sentences `proxyBlameIn` tells whose the failure is.
  const asked = `CONNECT ${target}`;
  if (REFUSES_CREDENTIALS.has(status)) {
    const detail = `proxy ${proxy} answered ${status} to ${asked}: check its user and password`;
    return away('credentials', status, detail);
  }
  const because = why?.code === undefined ? '' : ` (${why.code})`;
  const phrase = reason === '' ? '' : ` (${reason})`;
  if (status > 299) return refused(`proxy ${proxy} answered ${status}${phrase} to ${asked}`, status);
  if (status > 0 || (cause instanceof Error && codeOf(cause).startsWith('HPE_')))
    return refused(`proxy ${proxy} answered ${asked}, but not in HTTP/1.1`);
  return refused(`proxy ${proxy} closed the connection without an answer to ${asked}${because}`);
}

/** What a request comes to whose time is over while it waits at a proxy. */
export function explainLate(wait: ProxyWait, timeoutMs: number): ProxyAway | NoAnswer {
  const detail = `${describeWait(wait)} within ${timeoutMs} ms`;
  if (wait.step === 'proxy') return away('proxy', 0, detail);
  return {
    kind: 'no_answer',
    failureClass: 'timeout',
    detail: `${detail}: the proxy hangs, or cannot reach it`,
  };
}

/** What was waited for, as a clause in the past. */
export function describeWait({ step, proxy, target }: ProxyWait): string {
  if (step === 'proxy') return `proxy ${proxy} took no connection`;
  return `proxy ${proxy} did not answer CONNECT ${target}`;
}

function away(blame: ProxyAway['blame'], status: number, detail: string): ProxyAway {
  return { kind: 'proxy_away', blame, status, detail };
}

function refused(detail: string, status?: number): Unsent {
  return { kind: 'unsent', failureClass: 'proxy', detail, ...(status !== undefined && { status }) };
}
