import type { ResolvedClient } from '../config/config-schema.ts';
import type { Parsed } from './parsed.ts';

/** How much a client's endpoints may be loaded. */
export interface LoadPermit {
  /** Infinite: nobody set a bound. */
  readonly maxRatePerSecond: number;
  readonly maxRequests: number;
}

/** Without a bound of their own, endpoints of others are spared, and those of this machine are not. */
const UNSET_RATE = 50;
const UNSET_REQUESTS = 100_000;

const HOW = 'loadtest: { allowed: true, maxRatePerSecond: 200, maxRequests: 100000 }';

/**
 * What a client's configuration permits, or why it permits nothing and how it would. A client whose endpoints are
 * all on loopback, and that may be reached there, needs no leave but may be denied it.
 */
export function findPermit(
  client: Pick<ResolvedClient, 'name' | 'urls' | 'allowPrivateNetwork' | 'loadtest'>,
): Parsed<LoadPermit> {
  const { allowed, maxRatePerSecond, maxRequests = UNSET_REQUESTS } = client.loadtest ?? {};
  const isOwn = client.allowPrivateNetwork && Object.values(client.urls).every(isLoopback);
  if (!(allowed ?? isOwn)) {
    const why = allowed === false ? 'its configuration says so' : 'its configuration does not allow it';
    return {
      ok: false,
      problems: [`client "${client.name}" may not be load-tested: ${why}. To allow it, set ${HOW}`],
    };
  }
  const unset = isOwn ? Number.POSITIVE_INFINITY : UNSET_RATE;
  return { ok: true, value: { maxRatePerSecond: maxRatePerSecond ?? unset, maxRequests } };
}

/** As URLs spell it: every other way to write an IPv4 address has become this one. */
function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
