import type { Aborted, AttemptResult, FailureClass } from './attempt-result.ts';

/** What an attempt came to, before it is decided what follows. */
export type Classification =
  | { readonly kind: 'delivered'; readonly status: number }
  | {
      readonly kind: 'failed';
      readonly failureClass: FailureClass;
      /** 0: there was no status. */
      readonly status: number;
      /** The start of the response, or the reason that there was none. */
      readonly response: string;
      readonly retryAfter?: string;
    };

/** Statuses on which `Retry-After` is heeded. */
const DECLARED_LIMITS = new Set([429, 503]);

function classOfStatus(status: number): FailureClass {
  if (status === 401) return 'unauthorized';
  if (status < 200) return 'not_http';
  if (status < 400) return 'redirect';
  if (status < 500) return 'client_error';
  return 'server_error';
}

/** The rules table of delivery (contract, part 1): any 2xx is delivered, everything else failed. */
export function classify(result: Exclude<AttemptResult, Aborted>): Classification {
  if (result.kind !== 'answer') {
    return { kind: 'failed', failureClass: result.failureClass, status: 0, response: result.detail };
  }
  const { status, body, retryAfter } = result;
  if (status >= 200 && status < 300) return { kind: 'delivered', status };
  return {
    kind: 'failed',
    failureClass: classOfStatus(status),
    status,
    response: body,
    ...(retryAfter !== undefined && DECLARED_LIMITS.has(status) ? { retryAfter } : {}),
  };
}

/** What an event comes to whose processes were lost too often. */
export const CRASHED: Classification = {
  kind: 'failed',
  failureClass: 'crash',
  status: 0,
  response: 'the process that handled this event was lost eleven times in a row',
};
