import type { NoAnswer, ProxyAway, Shortage, Unsent } from '../core/attempt-result.ts';
import { ADDRESS_REFUSED } from './address-guard.ts';
import { codeOf, describeFailure, explainError, findShortage } from './describe-failure.ts';
import { ProxyFailure, type ProxyWait } from './tunnel.ts';

/** 407 is the proxy's (RFC 9110, section 15.5.8); tinyproxy answers 401 to a wrong password. */
const REFUSES_CREDENTIALS: ReadonlySet<number> = new Set([401, 407]);

/** What a request comes to that the address guard, the proxy, or this machine kept back; undefined: none of them did. */
export function explainUnsent(error: Error, where: string): Unsent | ProxyAway | Shortage | undefined {
  if (codeOf(error) === ADDRESS_REFUSED)
    return { kind: 'unsent', failureClass: 'address', detail: error.message };
  if (!(error instanceof ProxyFailure)) return findShortage(error, where);
  // A shortage of this machine keeps it from the proxy as from any other server.
  const shortage = error.cause instanceof Error ? findShortage(error.cause, where) : undefined;
  return shortage ?? explainProxy(error);
}

/** What a request comes to if there is no tunnel for it. */
function explainProxy({ at, status, reason, cause }: ProxyFailure): ProxyAway | Unsent {
  const { step, proxy, target } = at;
  const why = cause instanceof Error ? explainError(cause) : undefined;
  // By TLS 1.3 it refuses a certificate of ours, or the lack of one, only when it is asked for a tunnel.
  if (why !== undefined && (step === 'proxy' || (step === 'answer' && why.failureClass === 'tls'))) {
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
