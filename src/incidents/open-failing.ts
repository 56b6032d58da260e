import type { ClosedIncident } from '../core/incident.ts';
import { causeToOpen, type EndpointNews, SAME_MS } from '../core/incident-steps.ts';
import { type IncidentState, openIncident, readClosedIncidents } from '../queue/incident-store.ts';
import type { Connection } from '../queue/servers.ts';

/**
 * Opens incidents of endpoints that are down, or that refuse events in a row. What closed within the last ten minutes
 * goes on as the same incident. @returns whether there was any
 */
export async function openFailing(
  redis: Connection,
  states: ReadonlyMap<string, IncidentState>,
): Promise<boolean> {
  const found = [...states].filter(([, { failing }]) => failing.length > 0);
  await Promise.all(
    found.map(async ([client, { failing, now }]) => {
      const closed = await readClosedIncidents(redis, client, now - SAME_MS);
      const before = new Map(closed.toReversed().map((one) => [one.type, one]));
      await Promise.all(failing.map((news) => open(redis, client, news, before.get(news.type), now)));
    }),
  );
  return found.length > 0;
}

function open(
  redis: Connection,
  client: string,
  news: EndpointNews,
  before: ClosedIncident | undefined,
  now: number,
): Promise<boolean> {
  const { type, stateSince, downFrom, judgedFrom } = news;
  const cause = causeToOpen(news, now) ?? 'down';
  const isDown = cause === 'down';
  const fields = {
    cause,
    // The same for all monitors: the name is made from it.
    openedAt: Math.round(isDown ? stateSince : judgedFrom),
    failingSince: Math.round(isDown ? downFrom : judgedFrom),
  };
  return openIncident(redis, { client, type }, before === undefined ? fields : fieldsOf(before), before);
}

/** What an incident goes on with. It was told that it is over: that the endpoint is down again is told, too. */
function fieldsOf({ cause, openedAt, failingSince, lastAt, count, diedAgain, failures }: ClosedIncident) {
  const causes = failures.map((one) => [`of:${one.class}:${one.status}`, one.count]);
  const told = { told: Math.max(1, count), toldDown: 0 };
  return { cause, openedAt, failingSince, lastAt, count, diedAgain, ...told, ...Object.fromEntries(causes) };
}
