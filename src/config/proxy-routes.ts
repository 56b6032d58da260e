import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { portOf, withoutBrackets } from '../core/host-port.ts';

/** A proxy that connections are made through, by CONNECT (RFC 9110, section 9.3.6). */
export interface ProxyServer {
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Whether the connection to the proxy itself is TLS. */
  readonly secure: boolean;
  /** `host:port`, as sentences name it: without its credentials. */
  readonly name: string;
  /** The value of `Proxy-Authorization`; absent: it wants none. */
  readonly authorization?: string;
}

/** Which targets are reached through which proxy. */
export interface ProxyRoutes {
  /** For https: and for http: targets; absent: they are reached directly. */
  readonly https?: ProxyServer;
  readonly http?: ProxyServer;
  /** The targets that are reached directly, as NO_PROXY lists them. */
  readonly except: readonly string[];
}

/** The proxy that a target is reached through; undefined: it is reached directly. */
export function proxyFor(routes: ProxyRoutes | undefined, target: URL): ProxyServer | undefined {
  const server = target.protocol === 'https:' ? routes?.https : routes?.http;
  if (server === undefined || routes?.except.some((entry) => isMeant(entry, target))) return undefined;
  return server;
}

/**
 * Whether an entry of NO_PROXY means a target: `*`, a name and all names below it (a leading dot or `*.` changes
 * nothing), an address or a CIDR block, each but the block perhaps with a port. A name is not resolved for that.
 */
function isMeant(entry: string, target: URL): boolean {
  if (entry === '*') return true;
  const host = withoutBrackets(target.hostname).replace(/\.$/, '');
  if (entry.includes('/')) return isInBlock(host, entry);
  const { name, port } = splitPort(entry);
  if (port !== undefined && port !== String(portOf(target))) return false;
  if (isIP(host) !== 0)
    return isIP(name) !== 0 && ipaddr.process(host).toString() === ipaddr.process(name).toString();
  const wanted = name
    .toLowerCase()
    .replace(/^\*?\./, '')
    .replace(/\.$/, '');
  return wanted !== '' && (host === wanted || host.endsWith(`.${wanted}`));
}

/** `host`, `host:port`, `[v6]:port`, or an IPv6 address as it is. */
function splitPort(entry: string): { name: string; port: string | undefined } {
  if (isIP(entry) !== 0) return { name: entry, port: undefined };
  const { name = entry, port } = /^(?<name>.*?)(?::(?<port>\d+))?$/.exec(entry)?.groups ?? {};
  return { name: withoutBrackets(name), port };
}

function isInBlock(host: string, entry: string): boolean {
  if (isIP(host) === 0 || !ipaddr.isValidCIDR(entry)) return false;
  const [base, length] = ipaddr.parseCIDR(entry);
  const address = ipaddr.process(host);
  return address.kind() === base.kind() && address.match(base, length);
}
