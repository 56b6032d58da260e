import { closeSync, openSync, readFileSync } from 'node:fs';
import { devNull } from 'node:os';
import type { Shortage } from '../core/attempt-result.ts';
import {
  classifyNetworkError,
  type FoundShortage,
  type NetworkFailureClass,
  shortageIn,
} from '../core/classify-network-error.ts';
import { MAX_HEAD_BYTES } from './connection.ts';
import { reachedFamilies } from './connector.ts';

/** Why there was no status: the class, and a code or a few words if there is more to say. */
export interface FailureReason {
  readonly failureClass: NetworkFailureClass;
  readonly reason?: string;
}

/**
 * What undici 7.30.2 does not read, by the error's code. Its parser's errors have a name only. UND_ERR_SOCKET alone
 * is told apart by its message: undici closed the connection, or else the other side did.
 */
const NOT_HTTP: Readonly<Record<string, FailureReason>> = {
  UND_ERR_HEADERS_OVERFLOW: notHttp(`headers beyond ${MAX_HEAD_BYTES / 1_024} KiB`),
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: notHttp('headers that cannot be read'),
  'UND_ERR_SOCKET bad response': notHttp('an interim answer that is none'),
  'UND_ERR_SOCKET bad upgrade': notHttp('another protocol, which nobody asked for'),
};
/** How a kept connection ends that the other side closed as we wrote. */
const CLOSED_BY_PEER = new Set([undefined, 'ECONNRESET', 'EPIPE']);
const NOT_WRITABLE = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED']);

/** Puts an error of Node's or undici's into a class, by name and code. */
export function explainError(error: Error): FailureReason {
  if (error.name === 'HTTPParserError') return notHttp(/\((.*)\)$/.exec(error.message)?.[1] ?? 'no answer');
  const code = codeOf(error);
  if (code === 'UND_ERR_SOCKET') return NOT_HTTP[`${code} ${error.message}`] ?? { failureClass: 'reset' };
  return NOT_HTTP[code] ?? { failureClass: classifyNetworkError(code), reason: code };
}

/** The result if this machine, not the endpoint, is why there is no connection. */
export function findShortage(error: Error, where: string): Shortage | undefined {
  const found = shortageIn(error, reachedFamilies) ?? shortageOfResolver(error);
  if (found === undefined) return undefined;
  const { code, what } = found;
  return { kind: 'shortage', code, detail: `no connection to ${where}: ${what}${limitOf(code)} (${code})` };
}

const limits = new Map<string, string>();

/** The value of the limit behind a shortage, as far as this process can read it: `, 64`; or nothing. */
function limitOf(code: string): string {
  const known = limits.get(code);
  if (known !== undefined) return known;
  const limit = readLimit(code);
  const text = limit === '' ? '' : `, ${limit}`;
  limits.set(code, text);
  return text;
}

function readLimit(code: string): string {
  try {
    if (code === 'EADDRNOTAVAIL') {
      return readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().replace(/\s+/, ' to ');
    }
    // It needs no file descriptor.
    const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } };
    return code === 'EMFILE' ? String(report.userLimits?.open_files?.soft ?? '') : '';
  } catch {
    return '';
  }
}

/** A resolver that cannot open its own files says that there is no such name: looks whether any can be opened. */
function shortageOfResolver(error: Error): FoundShortage | undefined {
  if (explainError(error).failureClass !== 'dns') return undefined;
  try {
    closeSync(openSync(devNull, 'r'));
  } catch (cause) {
    return shortageIn(cause, reachedFamilies);
  }
  return undefined;
}

/** Whether the other side closed or reset the connection. */
export function isClosedByPeer(error: Error): boolean {
  const { failureClass, reason } = explainError(error);
  return failureClass === 'reset' && CLOSED_BY_PEER.has(reason);
}

/** Whether the request itself is at fault: a header or path that cannot be sent. */
export function isNotWritable(error: Error): boolean {
  return NOT_WRITABLE.has(codeOf(error));
}

/** The error's code, or its name if it has none. */
export function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/**
 * Says in a sentence why there was no status; names host, port and code, nothing of the request.
 * @param sent whether there was a connection to send the request on
 */
export function describeFailure(why: FailureReason, where: string, timeoutMs: number, sent: boolean): string {
  const because = why.reason === undefined ? '' : ` (${why.reason})`;
  const when = sent ? 'before it had answered' : 'while it was being established';
  switch (why.failureClass) {
    case 'refused':
      return `no connection to ${where}${because}`;
    case 'reset':
      return `${where} closed the connection ${when}${because}`;
    case 'dns':
      return `the name in ${where} could not be resolved${because}`;
    case 'tls':
      return `no TLS connection to ${where}${because}`;
    case 'timeout':
      if (because !== '') return `the connection to ${where} timed out${because}`;
      return `no ${sent ? 'answer from' : 'connection to'} ${where} within ${timeoutMs} ms`;
    case 'not_http':
      if (because === '') return `${where} sent more than a mebibyte without coming to an answer`;
      return `${where} answered, but not in HTTP/1.1${because}`;
  }
}

/** The answer is none. */
export function notHttp(reason: string): FailureReason {
  return { failureClass: 'not_http', reason };
}
