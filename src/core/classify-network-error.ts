import type { NoAnswer } from './attempt-result.ts';

/** Why there was no status. */
export type NetworkFailureClass = NoAnswer['failureClass'];

/** All that an error can mean; that an answer is not HTTP is no error of Node's. */
type ErrorClass = Exclude<NetworkFailureClass, 'not_http'>;

/** Codes of Node (errno, OpenSSL's verification); whatever is not here has a prefix below. */
const CODES: Readonly<Record<ErrorClass, readonly string[]>> = {
  refused: [
    'ECONNREFUSED',
    'EHOSTUNREACH',
    'ENETUNREACH',
    'EHOSTDOWN',
    'ENETDOWN',
    'EADDRNOTAVAIL',
    'EACCES',
    'EPERM',
    // This machine is out of sockets: no connection either.
    'EMFILE',
    'ENFILE',
    'ENOBUFS',
  ],
  reset: ['ECONNRESET', 'ECONNABORTED', 'ENOTCONN', 'EPIPE'],
  dns: [
    'ENOTFOUND',
    'ENODATA',
    'ENONAME',
    'ESERVFAIL',
    'EFORMERR',
    'EREFUSED',
    'EBADNAME',
    'EBADRESP',
    'ETIMEOUT',
    'ERR_INVALID_IP_ADDRESS',
  ],
  tls: [
    'EPROTO',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'HOSTNAME_MISMATCH',
    'INVALID_CA',
    'INVALID_PURPOSE',
    'OUT_OF_MEM',
    'PATH_LENGTH_EXCEEDED',
    'UNSPECIFIED',
  ],
  timeout: ['ETIMEDOUT', 'ERR_SOCKET_CONNECTION_TIMEOUT'],
};

const PREFIXES: ReadonlyArray<readonly [prefix: string, failureClass: ErrorClass]> = [
  ['ERR_SSL_', 'tls'],
  ['ERR_TLS_', 'tls'],
  ['CERT_', 'tls'],
  ['CRL_', 'tls'],
  ['ERROR_IN_C', 'tls'],
  ['UNABLE_TO_', 'tls'],
  ['EAI_', 'dns'],
];

const CLASS_OF_CODE = new Map(
  (Object.keys(CODES) as ErrorClass[]).flatMap((failureClass) =>
    CODES[failureClass].map((code) => [code, failureClass] as const),
  ),
);

/**
 * Puts an error's `code` (its name, if it has none) into a failure class; messages are not looked at,
 * they change between versions.
 * An unknown code counts as `reset`: the connection did not live to an answer.
 */
export function classifyNetworkError(code: string): ErrorClass {
  const known = CLASS_OF_CODE.get(code);
  if (known !== undefined) return known;
  return PREFIXES.find(([prefix]) => code.startsWith(prefix))?.[1] ?? 'reset';
}
