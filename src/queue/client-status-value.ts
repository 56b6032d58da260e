import type { ClientStatus, LastError } from './client-status.ts';

/** A client's status as machines read it: times and statuses are written as in the rows of dead letters. */
export function clientStatusValue({ lastError, pausedAt, ...numbers }: ClientStatus) {
  const counts = { ...numbers, pausedAt: pausedAt === undefined ? null : new Date(pausedAt).toISOString() };
  return lastError === undefined ? counts : { ...counts, lastError: lastErrorValue(lastError) };
}

/** A last error as machines read it; no status is null. */
export function lastErrorValue(lastError: LastError) {
  const { at, status } = lastError;
  return { ...lastError, at: new Date(at).toISOString(), status: status === 0 ? null : status };
}
