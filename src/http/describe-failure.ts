import { closeSync, openSync, readFileSync } from 'node:fs';
import { devNull } from 'node:os';
import type { Shortage } from '../core/attempt-result.ts';
import {
  classifyNetworkError,
  type FoundShortage,
  type NetworkFailureClass,
  shortageIn,
} from '../core/classify-network-error.ts';
import { notHttpWords, parserWords } from '../core/not-http-words.ts';
import { reachedFamilies } from './connector.ts';
import { explainClose, explainTls } from './tls-failure.ts';

/** Why there was no status: the class, what happened in words, and the code behind it. */
export interface FailureReason {
  readonly failureClass: NetworkFailureClass;
  readonly words?: string | undefined;
  readonly code?: string | undefined;
}

/** How a kept connection ends that the other side closed as we wrote. */
const CLOSED_BY_PEER = new Set([undefined, 'ECONNRESET', 'EPIPE']);
const NOT_WRITABLE = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED']);

/**
 * Puts an error of Node's or undici's into a class, by name and code. It need not be that of a request: what a bare
 * TLS connection fails with is told as well, and more of it after `watchTls`.
 *
 * @param latest what came last, if an answer had begun
 */
export function explainError(error: Error, latest?: Buffer): FailureReason {
  const text = latest?.toString('latin1');
  if (error.name === 'HTTPParserError') {
    const reason = /\((.*)\)$/.exec(error.message)?.[1];
    return notHttp(parserWords(reason, text), reason);
  }
  const code = codeOf(error);
  const tls = explainTls(error, code);
  if (tls !== undefined) return { failureClass: 'tls', ...tls };
  const words = notHttpWords(code, error.message, text);
  if (words !== undefined) return notHttp(words, code);
  const failureClass = classifyNetworkError(code);
  const isClose = failureClass === 'reset';
  const known = code === 'UND_ERR_SOCKET' ? {} : { code };
  const asked = isClose ? explainClose(error) : undefined;
  return { failureClass, ...known, ...(asked !== undefined && { words: asked }) };
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
  if (classifyNetworkError(codeOf(error)) !== 'dns') return undefined;
  try {
    closeSync(openSync(devNull, 'r'));
  } catch (cause) {
    return shortageIn(cause, reachedFamilies);
  }
  return undefined;
}

/** Whether the other side closed or reset the connection. */
export function isClosedByPeer(error: Error): boolean {
  const { failureClass, code } = explainError(error);
  return failureClass === 'reset' && CLOSED_BY_PEER.has(code);
}

/** Whether the request itself is at fault: a header or path that cannot be sent. */
export function isNotWritable(error: Error): boolean {
  return NOT_WRITABLE.has(codeOf(error));
}

/** The error's code, or its name if it has none. */
export function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

/** How far a request had come when it failed: it had no connection, was waiting for TLS, or was written. */
export type Stage = 'connecting' | 'handshake' | 'written';

const WHEN: Readonly<Record<Stage, string>> = {
  connecting: 'while it was being established',
  handshake: 'during the TLS handshake',
  written: 'before it had answered',
};

/** Says in a sentence why there was no status; names host, port and code, nothing of the request. */
export function describeFailure(why: FailureReason, where: string, timeoutMs: number, stage: Stage): string {
  const { failureClass, code, words } = why;
  const because = `${words === undefined ? '' : `: ${words}`}${code === undefined ? '' : ` (${code})`}`;
  switch (failureClass) {
    case 'refused':
      return `no connection to ${where}${because}`;
    case 'reset':
      return `${where} closed the connection ${WHEN[stage]}${because}`;
    case 'dns':
      return `the name in ${where} could not be resolved${because}`;
    case 'tls':
      return `no TLS connection to ${where}${because}`;
    case 'timeout':
      if (because !== '') return `the connection to ${where} timed out${because}`;
      return `no ${AWAITED[stage]} ${where} within ${timeoutMs} ms`;
    case 'not_http':
      if (because === '') return `${where} sent more than a mebibyte without coming to an answer`;
      return `${where} answered, but not in HTTP/1.1${because}`;
  }
}

const AWAITED: Readonly<Record<Stage, string>> = {
  connecting: 'connection to',
  handshake: 'end of the TLS handshake with',
  written: 'answer from',
};

/** The answer is none. */
export function notHttp(words: string | undefined, code?: string): FailureReason {
  return { failureClass: 'not_http', words, code };
}
