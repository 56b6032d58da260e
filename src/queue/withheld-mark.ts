import { type Endpoint, statsKey } from './names.ts';
import type { Connection } from './servers.ts';

/** What the events of an endpoint can wait for: a token, our proxy, or something of this machine. */
export const WITHHELD_FOR = ['token', 'proxy', 'local'] as const;

/** Why the events of an endpoint wait without an attempt. Times in ms since the epoch. */
export interface WithheldMark {
  readonly for: (typeof WITHHELD_FOR)[number];
  readonly since: number;
  /** Who is to blame. */
  readonly blame: 'credentials' | 'service' | 'proxy' | 'local';
  /** A sentence for the operator. */
  readonly detail: string;
  readonly nextTryAt: number;
}

/** A mark whose next try is as long over was left by a process that is lost; milliseconds. */
const STALE_MS = 60_000;

/** The field of the client's counters that says why the events of a type wait. */
export function withheldField(type: string): string {
  return `withheld:${type}`;
}

/** Notes why the events of an endpoint wait; undefined: they do not. */
export async function markWithheld(
  redis: Connection,
  { client, type }: Endpoint,
  mark: WithheldMark | undefined,
): Promise<void> {
  const field = withheldField(type);
  if (mark === undefined) await redis.hdel(statsKey(client), field);
  else await redis.hset(statsKey(client), field, JSON.stringify(mark));
}

/** Reads a mark as it stands in Redis. @param now ms since the epoch */
export function readMark(text: string | undefined, now: number): WithheldMark | undefined {
  if (text === undefined) return undefined;
  const mark = JSON.parse(text) as WithheldMark;
  return mark.nextTryAt + STALE_MS < now ? undefined : mark;
}

/** A mark as machines read it. */
export function markValue({ since, nextTryAt, ...rest }: WithheldMark) {
  return {
    ...rest,
    since: new Date(since).toISOString(),
    nextTryAt: new Date(nextTryAt).toISOString(),
  };
}
