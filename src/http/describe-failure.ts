import type { NetworkFailureClass } from '../core/classify-network-error.ts';

/** What is known about a request that got no status. */
export interface FailedRequest {
  readonly failureClass: NetworkFailureClass;
  /** host:port. */
  readonly where: string;
  /** The error's code; none: Waybill ended it, at the deadline or because too much came. */
  readonly code?: string;
  readonly timeoutMs: number;
  /** Whether there was a connection to send the request on. */
  readonly connected: boolean;
}

/** Says in a sentence why there was no status; names host, port and code, nothing of the request. */
export function describeFailure({ failureClass, where, code, timeoutMs, connected }: FailedRequest): string {
  const reason = code === undefined ? '' : ` (${code})`;
  switch (failureClass) {
    case 'refused':
      return `no connection to ${where}${reason}`;
    case 'reset':
      return connected
        ? `${where} closed the connection before it had answered${reason}`
        : `${where} closed the connection while it was being established${reason}`;
    case 'dns':
      return `the name in ${where} could not be resolved${reason}`;
    case 'tls':
      return `no TLS connection to ${where}${reason}`;
    case 'timeout':
      if (code !== undefined) return `the connection to ${where} timed out${reason}`;
      return `no ${connected ? 'answer from' : 'connection to'} ${where} within ${timeoutMs} ms`;
    case 'not_http':
      if (code === undefined) return `${where} sent more than a mebibyte without coming to an answer`;
      return `${where} answered, but not in HTTP/1.1${reason}`;
  }
}
