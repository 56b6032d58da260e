import { paceValue } from '../core/endpoint-pace.ts';
import { lastErrorValue } from '../core/last-error.ts';
import { webPagesValue } from '../core/web-pages.ts';
import type { ClientView, EndpointView, EventCounts } from './client-view.ts';
import { markValue } from './withheld-mark.ts';

/** A client as machines read it: times and statuses are written as in the rows of dead letters. */
export function clientViewValue(view: ClientView) {
  const endpoints = Object.entries(view.endpoints).map(([type, endpoint]) => [type, endpointValue(endpoint)]);
  return { ...countsValue(view), endpoints: Object.fromEntries(endpoints) as Record<string, EndpointValue> };
}

type EndpointValue = ReturnType<typeof endpointValue>;

function endpointValue(endpoint: EndpointView) {
  const { withheld, pace, webPages } = endpoint;
  return {
    ...countsValue(endpoint),
    withheld: withheld === undefined ? null : markValue(withheld),
    pace: paceValue(pace),
    ...(webPages && { webPages: webPagesValue(webPages) }),
  };
}

function countsValue(counts: EventCounts) {
  const { waiting, inFlight, retrying, dead, delivered, deliveredByType, failedAttempts } = counts;
  const { repeats, accepted, replayed, discarded, broken, pausedAt, lastError } = counts;
  return {
    ...{ waiting, inFlight, retrying, dead, delivered, deliveredByType, failedAttempts },
    ...{ repeats, accepted, replayed, discarded, broken },
    pausedAt: pausedAt === undefined ? null : new Date(pausedAt).toISOString(),
    ...(lastError === undefined ? {} : { lastError: lastErrorValue(lastError) }),
  };
}
