import { type LookupAddress, lookup } from 'node:dns';
import { isIP } from 'node:net';
import { specialRangeOf } from '../../core/special-addresses.ts';
import { refuseAddress } from '../../http/address-guard.ts';
import type { Remark } from './finding.ts';

const LOOKUP_TIMEOUT_MS = 5_000;

/** A host's addresses, or the code of what went wrong. */
export type ResolveHost = (host: string) => Promise<readonly LookupAddress[] | string>;

/** Makes a resolver that asks the system once for each host, as connecting would, and gives up after 5 s. */
export function createResolveHost(): ResolveHost {
  const asked = new Map<string, ReturnType<ResolveHost>>();
  return (host) => {
    const answer = asked.get(host) ?? resolve(host);
    asked.set(host, answer);
    return answer;
  };
}

function resolve(host: string): ReturnType<ResolveHost> {
  return new Promise((done) => {
    const timer = setTimeout(() => done(`no answer within ${LOOKUP_TIMEOUT_MS} ms`), LOOKUP_TIMEOUT_MS);
    lookup(host, { all: true }, (error, addresses) => {
      clearTimeout(timer);
      done(error === null ? addresses : (error.code ?? error.message));
    });
  });
}

/**
 * Says whether a connection to the host of a URL would be allowed.
 *
 * @param what names what is there, at the beginning of a sentence
 */
export async function checkHost(
  url: URL,
  what: string,
  allowPrivateNetwork: boolean,
  resolveHost: ResolveHost,
): Promise<Remark[]> {
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  const addresses = isIP(host) === 0 ? await resolveHost(host) : [{ address: host, family: isIP(host) }];
  if (typeof addresses === 'string') {
    return [{ level: 'error', message: `${what}: ${host} does not resolve (${addresses})` }];
  }
  const findings = judgeAddresses(host, what, addresses, allowPrivateNetwork);
  const isPublic = addresses.some(({ address }) => specialRangeOf(address) === undefined);
  if (url.protocol === 'http:' && isPublic) {
    const message = `${what}: ${url.origin} is not encrypted: events and credentials can be read on the way`;
    findings.push({ level: 'warning', message });
  }
  return findings;
}

function judgeAddresses(
  host: string,
  what: string,
  addresses: readonly LookupAddress[],
  allowPrivateNetwork: boolean,
): Remark[] {
  const refusals = allowPrivateNetwork
    ? []
    : addresses.flatMap(({ address }) => refuseAddress(host, address)?.message ?? []);
  const [refusal] = refusals;
  if (refusal !== undefined && refusals.length === addresses.length) {
    return [{ level: 'error', message: `${what}: ${refusal}` }];
  }
  const list = addresses.map(({ address }) => address).join(', ');
  const resolves = list === host ? `${what} is at ${host}` : `${what}: ${host} resolves to ${list}`;
  const found: Remark[] = [{ level: 'ok', message: resolves }];
  for (const message of refusals) found.push({ level: 'note', message: `${what}: ${message}` });
  return found;
}
