import type { RepeatCause } from './repeats.ts';

/** Every way to fail, for filters and documentation. */
export const FAILURE_CLASSES = [
  'unauthorized',
  'redirect',
  'client_error',
  'server_error',
  'refused',
  'reset',
  'dns',
  'tls',
  'timeout',
  'not_http',
  'token',
  'address',
  'proxy',
  'local',
  'crash',
  'expired',
] as const;

/** Why an attempt failed, or (`expired`) why there was none; kept with the status, since a report to the client names both. */
export type FailureClass = (typeof FAILURE_CLASSES)[number];

/** The headers of an answer that help its server's support; a dead letter has them. */
export const KEPT_HEADERS = [
  'x-request-id',
  'server',
  'content-type',
  'retry-after',
  'www-authenticate',
] as const;

/** The failures that no answer stands behind. */
export const NO_ANSWER_CLASSES = ['refused', 'reset', 'dns', 'tls', 'timeout', 'not_http'] as const;

/** Headers of an answer by their names, as far as it had them. */
export type KeptHeaders = Readonly<Partial<Record<(typeof KEPT_HEADERS)[number], string>>>;

/** The endpoint answered with a status, whatever became of the body. */
export interface Answer {
  readonly kind: 'answer';
  readonly status: number;
  /** The start of the body as text, at most 2 KiB; empty for a 2xx, whose body is not kept. */
  readonly body: string;
  /** Whether a 2xx comes with a web page: it counts as delivered, but the URL may be wrong. */
  readonly isWebPage?: true;
  readonly retryAfter?: string;
  /** Where a 3xx leads. */
  readonly location?: string;
  /** The `WWW-Authenticate` headers of a status from 400 on, joined by commas. */
  readonly wwwAuthenticate?: string;
  /** Absent of a 2xx, and of a request that keeps its answer whole. */
  readonly headers?: KeptHeaders;
  /** Only of a request that keeps its answer whole. */
  readonly whole?: WholeAnswer;
}

/** What a token service's answer is read from. */
export interface WholeAnswer {
  /** The body, unpacked, up to one byte more than the limit. */
  readonly bytes: Uint8Array;
  /** False: the connection ended, or the limit was passed, before the body was complete. */
  readonly complete: boolean;
  /** How the body was packed; absent: it was not. */
  readonly contentEncoding?: string | undefined;
  /** Why it could not be unpacked to its end: that is missing, it is not packed so, or nobody here can. */
  readonly fault?: 'cut' | 'broken' | 'unknown' | undefined;
  readonly location?: string | undefined;
}

/** There was no status: the request, or a part of it, may have reached the endpoint. */
export interface NoAnswer {
  readonly kind: 'no_answer';
  readonly failureClass: (typeof NO_ANSWER_CLASSES)[number];
  /** A sentence for the operator, without secrets. */
  readonly detail: string;
}

/** No request was sent: the address is not allowed, or our proxy refused to connect to it. */
export interface Unsent {
  readonly kind: 'unsent';
  readonly failureClass: 'address' | 'proxy';
  /** The proxy's; absent: there was none. */
  readonly status?: number;
  readonly detail: string;
}

/** Our proxy takes no connection, or not our credentials: no request was sent, and no endpoint is to blame. */
export interface ProxyAway {
  readonly kind: 'proxy_away';
  /** `credentials`: the proxy answered 407, or 401. */
  readonly blame: 'credentials' | 'proxy';
  /** The proxy's; 0: there was none. */
  readonly status: number;
  /** A sentence for the operator, without secrets. */
  readonly detail: string;
}

/** This machine is short of something, sockets most likely: no request was sent, and the endpoint is not to blame. */
export interface Shortage {
  readonly kind: 'shortage';
  /** Node's: `EMFILE`, … */
  readonly code: string;
  /** A sentence for the operator, without secrets. */
  readonly detail: string;
}

/** How long a shortage is given to pass, in milliseconds. */
export const SHORTAGE_PAUSE_MS = 1_000;

/** The attempt was called off by Waybill itself (shutdown, a lost lock): it does not count. */
export interface Aborted {
  readonly kind: 'aborted';
  /** What was waited for until then, if that was the proxy: a clause. */
  readonly waitedFor?: string;
}

/** What one HTTP request, or one whole attempt, led to. */
export type AttemptResult = (Answer | NoAnswer | Unsent | ProxyAway | Shortage | Aborted) & {
  /** Each time that the request was written in vain: it may have arrived, and is sent again in the same attempt. */
  readonly repeats?: readonly RepeatCause[];
};
