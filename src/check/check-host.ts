import { type CertificateFacts, daysLeft, endsSoon } from '../config/certificates.ts';
import { networkOf, type ResolvedClient } from '../config/config-schema.ts';
import { proxyFor } from '../config/proxy-routes.ts';
import { specialRangeOf } from '../config/special-addresses.ts';
import { withoutBrackets } from '../core/host-port.ts';
import { formatTime, shortSpan } from '../core/quantity-text.ts';
import { wallNow } from '../core/time.ts';
import { refuseAddress } from '../http/address-guard.ts';
import { type Remark, remark } from './finding.ts';
import { NO_TIME, type ResolveHost, toLookup } from './resolve-host.ts';
import { type Connected, tryConnection } from './try-connection.ts';

const CONNECT_TIMEOUT_MS = 5_000;

/** Says by which way a URL's host is reached, and whether it may be. @param what begins a sentence: what is there */
export async function checkHost(
  url: URL,
  what: string,
  client: ResolvedClient,
  resolveHost: ResolveHost,
): Promise<Remark[]> {
  const proxy = proxyFor(client.proxy, url);
  const remarks = await checkAddresses(url, what, client, resolveHost, proxy?.name);
  if (proxy !== undefined)
    return [...remarks, remark('ok', `${what} is reached through proxy ${proxy.name}`)];
  if (client.proxy === undefined) return remarks;
  return [...remarks, remark('note', `${what} is reached directly: the environment names no proxy for it`)];
}

async function checkAddresses(
  url: URL,
  what: string,
  { allowPrivateNetwork }: ResolvedClient,
  resolveHost: ResolveHost,
  proxy: string | undefined,
): Promise<Remark[]> {
  const { protocol, origin } = url;
  const host = withoutBrackets(url.hostname);
  const addresses = await resolveHost(host);
  if (typeof addresses === 'string' && proxy !== undefined) {
    const given = `proxy ${proxy} is given the name`;
    return [remark('note', `${what}: ${host} does not resolve here (${addresses}): ${given}`)];
  }
  if (typeof addresses === 'string') {
    const kind = addresses === NO_TIME ? 'late' : 'dns';
    return [remark('error', `${what}: ${host} does not resolve (${addresses})`, kind)];
  }
  const refusals = allowPrivateNetwork
    ? []
    : addresses.flatMap((address) => refuseAddress(host, address)?.message ?? []);
  if (refusals[0] !== undefined && refusals.length === addresses.length) {
    return [remark('error', `${what}: ${refusals[0]}`, 'address')];
  }
  const list = addresses.join(', ');
  const message = list === host ? `${what} is at ${host}` : `${what}: ${host} resolves to ${list}`;
  const remarks = [remark('ok', message), ...refusals.map((why) => remark('note', `${what}: ${why}`))];
  if (protocol === 'http:' && addresses.some((address) => specialRangeOf(address) === undefined)) {
    const open = `${origin} is not encrypted: events and credentials can be read on the way`;
    remarks.push(remark('warning', `${what}: ${open}`));
  }
  return remarks;
}

/**
 * Connects to a URL's origin, once, as a delivery would, and sends no request. Which address of several answered is
 * told; the others are not tried.
 */
export async function checkConnection(
  url: URL,
  what: string,
  client: ResolvedClient,
  resolveHost: ResolveHost,
  signal?: AbortSignal,
): Promise<Remark[]> {
  const timeoutMs = Math.min(client.timeoutMs, CONNECT_TIMEOUT_MS);
  const options = { ...networkOf(client), lookup: toLookup(resolveHost) };
  const result = await tryConnection(url, options, timeoutMs, signal);
  if (result.kind === 'shortage') return [remark('warning', `${what}: ${result.detail}`, 'local')];
  if (result.kind === 'proxy_away') return [remark('error', `${what}: ${result.detail}`, 'proxy')];
  if (result.kind !== 'connected') {
    return [remark('error', `${what}: ${result.detail}`, result.failureClass)];
  }
  const addresses = await resolveHost(withoutBrackets(url.hostname));
  const isOneOfSeveral =
    typeof addresses !== 'string' && addresses.length > 1 && addresses.includes(result.address ?? '');
  return describeConnection(what, result, isOneOfSeveral, wallNow());
}

/** @param isOneOfSeveral whether the address was chosen among several; a proxy's is not told */
function describeConnection(
  what: string,
  { address, roundTripMs, ms, tls }: Connected,
  isOneOfSeveral: boolean,
  now: number,
): Remark[] {
  const version = tls?.version.replace('v', ' ');
  const direct = `${isOneOfSeveral ? `${address} answered` : 'connected'} in ${shortSpan(roundTripMs ?? ms)}`;
  const told =
    roundTripMs === undefined
      ? `connected through the proxy in ${shortSpan(ms)}${version === undefined ? '' : `, with ${version}`}`
      : `${direct}${version === undefined ? '' : `, ${version} after ${shortSpan(ms)}`}`;
  const connected = remark('ok', `${what}: ${told}`);
  if (tls === undefined) return [connected];
  const [leaf] = tls.chain;
  return leaf === undefined ? [connected] : [connected, ...describeChain(what, leaf, tls.chain, now)];
}

/** The chain is good now, or there would be no connection; that one of it ends soon is worth a warning. */
function describeChain(
  what: string,
  leaf: CertificateFacts,
  chain: readonly CertificateFacts[],
  now: number,
): Remark[] {
  const issuers = chain.map(({ issuer }) => issuer);
  const through = issuers.length > 1 ? `, chain ${issuers.join(', ')}` : '';
  const days = daysLeft(leaf, now);
  const facts = `certificate of ${leaf.subject}, issued by ${leaf.issuer}${through}`;
  const ending = chain.filter((one) => endsSoon(one, now));
  return [
    remark('ok', `${what}: ${facts}, ${days} left`),
    ...ending.map((one) => {
      const ends = `the certificate of ${one.subject} ends in ${daysLeft(one, now)}, on ${formatTime(one.validTo)}`;
      return remark('warning', `${what}: ${ends}: the client has to renew it`, 'certificate');
    }),
  ];
}
