import type { ResolvedClient } from '../config/config-schema.ts';
import type { Verdict } from '../core/pace.ts';
import type { Endpoint } from '../queue/names.ts';
import { readVerdicts } from '../queue/pace-store.ts';
import { isPaused } from '../queue/pause-client.ts';
import type { Connection } from '../queue/servers.ts';

/** An endpoint that is not well enough to be replayed to. Times in ms since the epoch. */
export interface UnavailableEndpoint extends Endpoint {
  /** Its client is `paused`, it is `down`, or its `Retry-After` holds everything back. */
  readonly reason: 'paused' | 'down' | 'retry_after';
  /** Since when it is `down`. */
  readonly since?: number;
  /** Until when nothing is sent to it. */
  readonly until?: number;
  /** Replayed events wait without an attempt; false: its pace is fixed, and they are sent. */
  readonly holds: boolean;
}

/**
 * Finds out which endpoints are paused, down or held back now.
 *
 * @param clients by name, as the configuration has them
 */
export async function findUnavailable(
  redis: Connection,
  clients: Readonly<Record<string, ResolvedClient>>,
  endpoints: readonly Endpoint[],
): Promise<UnavailableEndpoint[]> {
  const found: UnavailableEndpoint[] = [];
  for (const client of new Set(endpoints.map((endpoint) => endpoint.client))) {
    const types = new Set(endpoints.filter((one) => one.client === client).map(({ type }) => type));
    if (await isPaused(redis, client)) {
      found.push(...[...types].map((type) => ({ client, type, reason: 'paused', holds: true }) as const));
      continue;
    }
    const { byType, now } = await readVerdicts(redis, client, [...types]);
    for (const [type, verdict] of byType) {
      const isFixed = clients[client]?.endpoints[type]?.pace.mode === 'fixed';
      const facts = judge(verdict, !isFixed, now);
      if (facts !== undefined) found.push({ client, type, ...facts });
    }
  }
  return found;
}

/** @param now ms of the clock that the verdict's times are of */
function judge(verdict: Verdict, holds: boolean, now: number) {
  const { state, since, holdUntil } = verdict;
  const until = holds && holdUntil > now ? { until: holdUntil } : {};
  if (state === 'down') return { reason: 'down', since, ...until, holds } as const;
  return 'until' in until ? ({ reason: 'retry_after', ...until, holds } as const) : undefined;
}

/** An unavailable endpoint as machines read it; a time that there is not is null. */
export function unavailableValue({ client, type, reason, since, until, holds }: UnavailableEndpoint) {
  const iso = (ms: number | undefined): string | null =>
    ms === undefined ? null : new Date(ms).toISOString();
  return { client, type, reason, since: iso(since), until: iso(until), holds };
}
