import { KEEP_CLOSED_MS } from './incident.ts';

/** Deliveries that were answered with a web page: the URL may lead to a login, or to a page about an error. */
export interface WebPages {
  readonly deliveries: number;
  /** When the first of them was settled, and the latest; ms since the epoch. */
  readonly since: number;
  readonly latestAt: number;
}

/** Without one for so long, in milliseconds, they are told no more, and counted anew. */
export const FORGET_PAGES_MS = KEEP_CLOSED_MS;

/** The fields of a client's counters that tell of an event type's. */
export function webPageFields(type: string): readonly [deliveries: string, since: string, latestAt: string] {
  return [`pages:${type}`, `pagesSince:${type}`, `pagesAt:${type}`];
}

/** Reads them from a client's counters. @param now ms since the epoch */
export function readWebPages(
  stats: ReadonlyMap<string, string>,
  type: string,
  now: number,
): WebPages | undefined {
  const [deliveries = 0, since = 0, latestAt = 0] = webPageFields(type).map((field) =>
    Number(stats.get(field) ?? 0),
  );
  return deliveries === 0 || now - latestAt > FORGET_PAGES_MS ? undefined : { deliveries, since, latestAt };
}

/** As machines read them. */
export function webPagesValue({ deliveries, since, latestAt }: WebPages) {
  return {
    deliveries,
    since: new Date(since).toISOString(),
    latestAt: new Date(latestAt).toISOString(),
  };
}
