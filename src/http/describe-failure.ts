import type { NetworkFailureClass } from '../core/classify-network-error.ts';

/** What is known about a request that got no status. */
export interface FailedRequest {
  readonly failureClass: NetworkFailureClass;
  /** host:port. */
  readonly where: string;
  /** The error's code, or what was wrong with the answer; none: it was closed, or Waybill ended it. */
  readonly reason?: string;
  readonly timeoutMs: number;
  /** Whether there was a connection to send the request on. */
  readonly connected: boolean;
}

/** Says in a sentence why there was no status; names host, port and code, nothing of the request. */
export function describeFailure({
  failureClass,
  where,
  reason,
  timeoutMs,
  connected,
}: FailedRequest): string {
  const because = reason === undefined ? '' : ` (${reason})`;
  switch (failureClass) {
    case 'refused':
      return `no connection to ${where}${because}`;
    case 'reset':
      return connected
        ? `${where} closed the connection before it had answered${because}`
        : `${where} closed the connection while it was being established${because}`;
    case 'dns':
      return `the name in ${where} could not be resolved${because}`;
    case 'tls':
      return `no TLS connection to ${where}${because}`;
    case 'timeout':
      if (reason !== undefined) return `the connection to ${where} timed out${because}`;
      return `no ${connected ? 'answer from' : 'connection to'} ${where} within ${timeoutMs} ms`;
    case 'not_http':
      if (reason === undefined) return `${where} sent more than a mebibyte without coming to an answer`;
      return `${where} answered, but not in HTTP/1.1${because}`;
  }
}
