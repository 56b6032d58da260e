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

/** What this machine can be short of, by Node's code; a clause that names the limit. */
const SHORTAGES: ReadonlyMap<unknown, string> = new Map([
  ['EMFILE', 'this process has no file descriptor left: its limit is "ulimit -n"'],
  ['ENFILE', 'this machine has no file descriptor left: its limit is fs.file-max'],
  ['ENOBUFS', 'this machine has no buffer left for a connection: its limit is net.ipv4.tcp_mem'],
  ['ENOMEM', 'this machine has no memory left for a connection'],
  ['EADDRNOTAVAIL', 'this machine has no local port left: its limit is net.ipv4.ip_local_port_range'],
]);

/** A shortage of this machine: Node's code, and a clause that says what is short. */
export interface FoundShortage {
  readonly code: string;
  readonly what: string;
}

/**
 * The shortage of this machine that an error of Node's tells of; of several, one for each address of a name, one is
 * enough. EADDRNOTAVAIL also says that this machine has no address of a family at all, which is no shortage.
 *
 * @param reached the address families of which this process has had a connection: `IPv4`, `IPv6`
 */
export function shortageIn(
  error: unknown,
  reached: ReadonlySet<string | undefined>,
): FoundShortage | undefined {
  const { code, address, errors = [] } = error as NodeJS.ErrnoException & ConnectError;
  const what = SHORTAGES.get(code);
  const family = address?.includes(':') ? 'IPv6' : 'IPv4';
  const isShort = code !== 'EADDRNOTAVAIL' || reached.has(family);
  if (code !== undefined && what !== undefined && isShort) return { code, what };
  return errors.map((each) => shortageIn(each, reached)).find((found) => found !== undefined);
}

/** What Node adds if it could not connect. */
interface ConnectError {
  readonly address?: string;
  /** One for each address of the name. */
  readonly errors?: readonly unknown[];
}

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
