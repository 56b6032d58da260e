import type { ResolvedClient } from '../config/config-schema.ts';
import { proxyFor } from '../config/proxy-routes.ts';
import { isLoopback } from '../core/host-port.ts';
import { type Parsed, showRate } from './quantities.ts';

/** How much a client's endpoints may be loaded. */
export interface LoadPermission {
  /** Infinite: there is no bound. */
  readonly maxRatePerSecond: number;
  readonly maxRequests: number;
}

/** The bound if the configuration names none; endpoints of this machine have none then. */
const UNSET_RATE = 50;
const UNSET_REQUESTS = 100_000;

const HOW = 'loadtest: { allowed: true, maxRatePerSecond: 200, maxRequests: 100000 }';

/**
 * What a client's configuration permits, or why it does not permit a plan, and what to set. A client may be tested
 * without a setting, unless it says otherwise, if all its endpoints are on loopback and may be reached there, through no
 * proxy: the loopback of a proxy is another machine.
 *
 * @param most lowers the number of requests
 * @param rate the highest of the plan, events per second
 * @param total the events of the plan
 */
export function findPermission(
  client: Pick<ResolvedClient, 'name' | 'endpoints' | 'allowPrivateNetwork' | 'proxy' | 'loadtest'>,
  most = Number.POSITIVE_INFINITY,
  rate = 0,
  total = 0,
): Parsed<LoadPermission> {
  const { allowed, ...set } = client.loadtest ?? {};
  const isReachedHere = (url: URL): boolean =>
    isLoopback(url.hostname) && proxyFor(client.proxy, url) === undefined;
  const isOwn =
    client.allowPrivateNetwork &&
    Object.values(client.endpoints).every(({ url }) => isReachedHere(new URL(url)));
  if (!(allowed ?? isOwn)) {
    const why = allowed === false ? 'its configuration says so' : 'its configuration does not allow it';
    return problem(`client "${client.name}" may not be load-tested: ${why}. To allow it, set ${HOW}`);
  }
  const maxRatePerSecond = set.maxRatePerSecond ?? (isOwn ? Number.POSITIVE_INFINITY : UNSET_RATE);
  if (rate > maxRatePerSecond) {
    return problem(
      `${showRate(rate)} is more than the ${showRate(maxRatePerSecond)} that this client's loadtest.maxRatePerSecond permits`,
    );
  }
  const maxRequests = Math.min(set.maxRequests ?? UNSET_REQUESTS, most);
  if (total > maxRequests) {
    const [asked, permitted] = [total, maxRequests].map((count) => count.toLocaleString('en-US'));
    return problem(
      `${asked} requests are more than the ${permitted} permitted (loadtest.maxRequests, --max-requests)`,
    );
  }
  return { ok: true, value: { maxRatePerSecond, maxRequests } };
}

function problem(text: string): Parsed<LoadPermission> {
  return { ok: false, problems: [text] };
}
