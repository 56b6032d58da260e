import type { Config, ResolvedClient } from '../../config/config-schema.ts';
import type { EventType } from '../../core/event-type.ts';
import { findEventType } from '../../core/event-types.ts';
import { didYouMean } from '../../core/near-miss.ts';
import { findPermission, type LoadPermission } from '../../loadtest/load-permission.ts';
import type { ReportTarget } from '../../loadtest/load-report.ts';
import { showRate } from '../../loadtest/quantities.ts';
import { findClient } from '../open-operator.ts';
import { UsageError } from '../run-command.ts';
import { formatCount } from '../terminal.ts';

/** What is to be tested. */
export interface Target {
  readonly client: ResolvedClient;
  /** The types that are sent, each with its weight. */
  readonly types: ReadonlyMap<EventType, number>;
}

/** Finds the client, and its endpoints for all types. @throws UsageError if one is missing */
export function findTarget(
  config: Config,
  name: string,
  type: string,
  mix: ReadonlyMap<string, number> = new Map([[type, 1]]),
): Target {
  const client = findClient(config, name);
  if (!mix.has(type)) throw new UsageError(`--mix has no share for ${type}`);
  const has = Object.keys(client.endpoints);
  const types = [...mix].map(([each, weight]) => {
    const found = has.includes(each) ? findEventType(each) : undefined;
    if (found !== undefined) return [found, weight] as const;
    throw new UsageError(
      `client "${name}" has no endpoint for "${each}"; it has: ${has.join(', ')}${didYouMean(each, has)}`,
    );
  });
  return { client, types: new Map(types) };
}

/** The target as a report may name it: a URL's query may hold a key. */
export function describeTarget({ client, types }: Target): ReportTarget {
  const { name, auth, timeoutMs, concurrency, ratePerSecond } = client;
  const names = [...types.keys()].map((type) => type.name);
  const urls = names.map((type) => {
    const { origin, pathname } = new URL(client.endpoints[type]?.url ?? '');
    return `${origin}${pathname}`;
  });
  return { client: name, types: names, urls, auth: auth.type, timeoutMs, concurrency, ratePerSecond };
}

/**
 * What a client's configuration permits, with its number of requests lowered to `asked`.
 *
 * @param rate the highest of the plan, events per second
 * @param total of the plan
 * @throws UsageError if nothing is permitted, or the plan goes beyond it
 */
export function permitOf(
  client: ResolvedClient,
  asked = Number.POSITIVE_INFINITY,
  rate = 0,
  total = 0,
): LoadPermission {
  const found = findPermission(client);
  if (!found.ok) throw new UsageError(found.problems.join('; '));
  const { maxRatePerSecond } = found.value;
  const maxRequests = Math.min(found.value.maxRequests, asked);
  if (rate > maxRatePerSecond) {
    throw new UsageError(
      `${showRate(rate)} is more than the ${showRate(maxRatePerSecond)} that this client's loadtest.maxRatePerSecond permits`,
    );
  }
  if (total > maxRequests) {
    throw new UsageError(
      `${formatCount(total)} requests are more than the ${formatCount(maxRequests)} permitted (loadtest.maxRequests, --max-requests)`,
    );
  }
  return { maxRatePerSecond, maxRequests };
}
