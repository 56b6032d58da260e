import type { ClientView, EventCounts, LastError } from './client-view.ts';

/** A client as machines read it: times and statuses are written as in the rows of dead letters. */
export function clientViewValue(view: ClientView) {
  const endpoints = Object.entries(view.endpoints).map(([type, endpoint]) => [type, countsValue(endpoint)]);
  return { ...countsValue(view), endpoints: Object.fromEntries(endpoints) as Record<string, CountsValue> };
}

type CountsValue = ReturnType<typeof countsValue>;

function countsValue(counts: EventCounts) {
  const { waiting, inFlight, retrying, dead, delivered, deliveredByType, failedAttempts } = counts;
  const { accepted, replayed, discarded, broken, pausedAt, lastError } = counts;
  return {
    ...{ waiting, inFlight, retrying, dead, delivered, deliveredByType, failedAttempts },
    ...{ accepted, replayed, discarded, broken },
    pausedAt: pausedAt === undefined ? null : new Date(pausedAt).toISOString(),
    ...(lastError === undefined ? {} : { lastError: lastErrorValue(lastError) }),
  };
}

/** A last error as machines read it; no status is null. */
export function lastErrorValue(lastError: LastError) {
  const { at, status } = lastError;
  return { ...lastError, at: new Date(at).toISOString(), status: status === 0 ? null : status };
}
