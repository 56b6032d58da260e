import type { ResolvedClient } from '../config/config-schema.ts';
import type { Parsed } from './quantities.ts';

/** How much a client's endpoints may be loaded. */
export interface LoadPermission {
  /** Infinite: there is no bound. */
  readonly maxRatePerSecond: number;
  readonly maxRequests: number;
}

/** The bound of endpoints without one of their own; those of this machine have none. */
const UNSET_RATE = 50;
const UNSET_REQUESTS = 100_000;

const HOW = 'loadtest: { allowed: true, maxRatePerSecond: 200, maxRequests: 100000 }';

/**
 * What a client's configuration permits, or why it permits nothing and what to set. A client may be tested
 * without a setting, unless it says otherwise, if all its endpoints are on loopback and may be reached there.
 */
export function findPermission(
  client: Pick<ResolvedClient, 'name' | 'endpoints' | 'allowPrivateNetwork' | 'loadtest'>,
): Parsed<LoadPermission> {
  const { allowed, maxRatePerSecond, maxRequests = UNSET_REQUESTS } = client.loadtest ?? {};
  const isOwn =
    client.allowPrivateNetwork && Object.values(client.endpoints).every(({ url }) => isLoopback(url));
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

/** URLs write every IPv4 address in this form. */
function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
